import { Secret } from '../core/secret.ts';
import type { KeyServiceConfig } from './config.ts';

const SQLITE = /^sqlite:[^\u0000-\u001f]+$/;
const POSTGRES =
  /^(?<scheme>postgres(?:ql)?:\/\/)(?:(?<user>[^\s:/?#@]+)(?::(?<password>[^\s/?#@]+))?@)?(?<place>[^\s/?#@]*\/[^\s/?#]+)(?:\?(?<query>[^\s#]+))?$/;

/** `sqlite:PATH` or the URL of a PostgreSQL database, whose host and database it has to name; null for every other text. */
export function parseStore(text: string): KeyServiceConfig['store'] | null {
  if (SQLITE.test(text)) return { kind: 'sqlite', path: text.slice('sqlite:'.length) };
  const parts = POSTGRES.exec(text)?.groups;
  if (parts === undefined || !URL.canParse(text) || !isDecodable(text)) return null;
  const { scheme = '', user, password, place = '', query } = parts;
  const parameters = query?.split('&') ?? [];
  // Without a host the driver would look for one in its own environment.
  if (place.startsWith('/') && !parameters.some((parameter) => /^host=./.test(parameter))) return null;
  const secret = password === undefined ? '' : `:${MASK}`;
  const userInfo = user === undefined ? '' : `${user}${secret}@`;
  const shownQuery = query === undefined ? '' : `?${parameters.map(shownParameter).join('&')}`;
  return { kind: 'postgres', url: new Secret(text), shown: scheme + userInfo + place + shownQuery };
}

export function isPostgres(text: string): boolean {
  return /^postgres(?:ql)?:/.test(text);
}

const MASK = '[redacted]';
const SHOWN_PARAMETERS: ReadonlySet<string> = new Set([
  'application_name',
  'connect_timeout',
  'host',
  'port',
  'sslcert',
  'sslkey',
  'sslmode',
  'sslrootcert',
]);

/** The driver takes passwords from the query, too. */
function shownParameter(parameter: string): string {
  const [name = ''] = parameter.split('=', 1);
  return SHOWN_PARAMETERS.has(name) ? parameter : `${name}=${MASK}`;
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
