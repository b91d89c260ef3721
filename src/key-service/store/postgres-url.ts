import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import type { Secret } from '../../core/secret.ts';

/** Where PostgreSQL is and how to log in. `name` is host, port and database: what logs and errors may say of it. */
export interface PostgresAddress {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly database: string;
  /** Undefined: what the environment of the process says, as libpq has it. */
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly ssl: false | ConnectionOptions;
  /** Settings of the session, such as `-c search_path=plexgate`. */
  readonly options: string | undefined;
  readonly applicationName: string;
  /** Null: as long as the store would wait. */
  readonly connectMs: number | null;
}

const DEFAULT_PORT = 5432;
const PARAMETERS = [
  'application_name',
  'connect_timeout',
  'host',
  'options',
  'port',
  'sslcert',
  'sslkey',
  'sslmode',
  'sslrootcert',
] as const;
type Parameter = (typeof PARAMETERS)[number];
type Parameters = Readonly<Partial<Record<Parameter, string>>>;

/**
 * Reads `postgres://user:password@host:port/database?sslmode=...`. A host that is a folder, percent-encoded or as
 * parameter, is that of a Unix socket. Throws with what is wrong and never with a part of the URL that may be secret.
 */
export function parsePostgresUrl(secret: Secret): PostgresAddress {
  const url = URL.parse(secret.reveal());
  if (url === null || !/^postgres(?:ql)?:$/.test(url.protocol))
    throw new Error('the URL must have the form postgres://user:password@host:port/database');
  const parameters = parametersOf(url);
  const host = parameters.host ?? decoded(url.hostname, 'host').replace(/^\[(.*)\]$/, '$1');
  const database = decoded(url.pathname.slice(1), 'database');
  if (host === '' || host.includes(',')) throw new Error('the URL must name one host');
  if (database === '') throw new Error('the URL must name a database');
  const port = wholeNumber('port', parameters.port ?? url.port, 65_535) ?? DEFAULT_PORT;
  const connectSeconds = wholeNumber('connect_timeout', parameters.connect_timeout ?? '', 600);
  return {
    name: `${host.includes(':') ? `[${host}]` : host}:${port}/${database}`,
    host,
    port,
    database,
    user: decoded(url.username, 'user') || undefined,
    password: decoded(url.password, 'password') || undefined,
    ssl: tlsOf(parameters),
    options: parameters.options,
    applicationName: parameters.application_name ?? 'plexgate',
    connectMs: connectSeconds === null ? null : connectSeconds * 1000,
  };
}

/** Null where there is none. */
function wholeNumber(parameter: Parameter, text: string, most: number): number | null {
  if (text === '') return null;
  const number = /^\d+$/.test(text) ? Number(text) : 0;
  if (number < 1 || number > most) throw new Error(`${parameter} must be a whole number from 1 to ${most}`);
  return number;
}

function decoded(text: string, what: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Error(`the ${what} in the URL is not percent-encoded well`);
  }
}

function parametersOf(url: URL): Parameters {
  for (const name of url.searchParams.keys()) {
    if (!PARAMETERS.some((known) => known === name))
      throw new Error(`the URL has a parameter that is not known; known are ${PARAMETERS.join(', ')}`);
  }
  return Object.fromEntries(url.searchParams);
}

/** What libpq does with the same words, but for those under which it would go on in clear when TLS fails. */
function tlsOf({ sslmode = 'disable', sslrootcert, sslcert, sslkey }: Parameters): false | ConnectionOptions {
  if (sslmode === 'disable') {
    if (sslrootcert ?? sslcert ?? sslkey)
      throw new Error('the URL names certificates, but sslmode is not require, verify-ca or verify-full');
    return false;
  }
  const options = {
    ...(sslrootcert === undefined || sslrootcert === 'system'
      ? {}
      : { ca: file('sslrootcert', sslrootcert) }),
    ...(sslcert === undefined ? {} : { cert: file('sslcert', sslcert) }),
    ...(sslkey === undefined ? {} : { key: file('sslkey', sslkey) }),
  };
  const anyName = { checkServerIdentity: () => undefined };
  switch (sslmode) {
    case 'require':
      return { ...options, ...(sslrootcert === undefined ? { rejectUnauthorized: false } : anyName) };
    case 'verify-ca':
      if (sslrootcert === undefined) throw new Error('sslmode=verify-ca needs sslrootcert');
      return { ...options, ...anyName };
    case 'verify-full':
      return options;
    default:
      throw new Error('sslmode must be one of disable, require, verify-ca, verify-full');
  }
}

function file(parameter: Parameter, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new Error(`cannot read the file of ${parameter}: ${why}`, { cause: error });
  }
}
