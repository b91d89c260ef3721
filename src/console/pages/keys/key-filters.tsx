import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { useStanding } from '../../api/session.tsx';
import { ChoiceField, TextField } from '../../parts/field.tsx';
import { replaceQuery, type Place } from '../../routes.ts';

/** So that a search is asked for when a word has been typed, and not with each letter of it. */
const PAUSE_MS = 200;

const STATUSES = [
  { value: '', label: 'Any' },
  { value: 'active', label: 'Active' },
  { value: 'revoked', label: 'Revoked' },
  { value: 'expired', label: 'Expired' },
];

export function KeyFilters({ place }: { readonly place: Place }): JSX.Element {
  const { about } = useStanding();
  const put = (change: Readonly<Record<string, string>>): void =>
    replaceQuery(place, { ...change, offset: '' });
  const profiles = about.profiles.map(({ profile }) => ({ value: profile, label: profile }));
  return (
    <form class="filters" role="search" onSubmit={(event) => event.preventDefault()}>
      <TypedFilter place={place} name="search" label="Search" placeholder="Name or key id" search />
      <TypedFilter place={place} name="owner" label="Owner" placeholder="Whole id" />
      <ChoiceField
        label="Profile"
        value={place.query.get('profile') ?? ''}
        choices={[{ value: '', label: 'Any' }, ...profiles]}
        onChange={(profile) => put({ profile })}
      />
      <ChoiceField
        label="Status"
        value={place.query.get('status') ?? ''}
        choices={STATUSES}
        onChange={(status) => put({ status })}
      />
    </form>
  );
}

/** A text of the query, which follows what is typed with a short delay. */
export function TypedFilter(props: {
  readonly place: Place;
  readonly name: string;
  readonly label: string;
  readonly placeholder?: string;
  readonly search?: boolean;
}): JSX.Element {
  const { place, name, label, placeholder = '', search = false } = props;
  const there = place.query.get(name) ?? '';
  const [typed, setTyped] = useState(there);
  useEffect(() => setTyped(there), [there]);
  useEffect(() => {
    if (typed === there) return undefined;
    const timer = window.setTimeout(() => replaceQuery(place, { [name]: typed, offset: '' }), PAUSE_MS);
    return () => window.clearTimeout(timer);
  }, [typed]);
  return (
    <TextField
      type="search"
      label={label}
      placeholder={placeholder}
      search={search}
      autoComplete="off"
      value={typed}
      onChange={setTyped}
    />
  );
}
