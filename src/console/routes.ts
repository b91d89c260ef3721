import { useEffect, useState } from 'preact/hooks';

/**
 * Where the page stands is in the fragment alone: `#/keys/KEY_ID?search=x`. So no server needs to know the pages, and
 * none sees what is looked for.
 */
export interface Place {
  readonly page: string;
  readonly id: string | null;
  readonly query: URLSearchParams;
}

function placeOf(hash: string): Place {
  const [path = '', search = ''] = hash.replace(/^#\/?/, '').split('?');
  const [page = '', id = ''] = path.split('/');
  return { page, id: id === '' ? null : decoded(id), query: new URLSearchParams(search) };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function hrefOf(
  page: string,
  id?: string | null,
  query: Readonly<Record<string, string>> = {},
): string {
  const given = Object.entries(query).filter(([, value]) => value !== '');
  const search = given.length === 0 ? '' : `?${new URLSearchParams(given)}`;
  return `#/${page}${id === undefined || id === null ? '' : `/${encodeURIComponent(id)}`}${search}`;
}

export function usePlace(): Place {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const follow = (): void => setHash(location.hash);
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, []);
  return placeOf(hash);
}

/** Changes what is looked for without a new entry for the back button. */
export function replaceQuery(place: Place, change: Readonly<Record<string, string>>): void {
  const query = { ...Object.fromEntries(place.query), ...change };
  history.replaceState(null, '', hrefOf(place.page, place.id, query));
  dispatchEvent(new HashChangeEvent('hashchange'));
}

export function goTo(href: string): void {
  location.hash = href;
}
