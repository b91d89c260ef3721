import { Secret } from '../core/secret.ts';
import type { RedisAddress } from './config.ts';
import { isHost } from './fields.ts';

/** `redis://user:password@host:6379/0`, read. What the URL leaves out is null, but for the port. */
export interface RedisUrl extends RedisAddress {
  readonly isTls: boolean;
  readonly username: string | null;
  readonly password: Secret | null;
  readonly database: number | null;
}

export const MAX_DATABASE = 9999;

const URL_FORM = /^(rediss?):\/\/(?:([^\s/?#@]*)@)?([^\s/?#@]+)(?:\/(0|[1-9]\d{0,3})?)?$/;
const DEFAULT_PORT = 6379;

/** Null for every other text, also for a user or password that is empty: a variable without a value is no password. */
export function parseRedisUrl(text: string): RedisUrl | null {
  const [, scheme, userInfo, authority = '', database] = URL_FORM.exec(text) ?? [];
  const address = parseAddress(authority) ?? parseAddress(`${authority}:${DEFAULT_PORT}`);
  const user = userInfo === undefined ? ANYBODY : readUser(userInfo);
  if (scheme === undefined || address === null || user === null) return null;
  return {
    ...address,
    ...user,
    isTls: scheme === 'rediss',
    database: database === undefined ? null : Number(database),
  };
}

const ANYBODY = { username: null, password: null } as const;

/** `user`, `user:password` or `:password`; a colon in the password is part of it. */
function readUser(userInfo: string): Pick<RedisUrl, 'username' | 'password'> | null {
  const colon = userInfo.indexOf(':');
  const username = decoded(colon === -1 ? userInfo : userInfo.slice(0, colon));
  const password = colon === -1 ? null : decoded(userInfo.slice(colon + 1));
  if (username === null || password === '' || (colon === -1 ? username === '' : password === null))
    return null;
  return {
    username: username === '' ? null : username,
    password: password === null ? null : new Secret(password),
  };
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

const ADDRESS_FORM = /^(?:\[([^[\]]+)\]|([^\s:[\]]+)):([1-9]\d{0,4})$/;

/** `host:port`, an IPv6 address in brackets. */
export function parseAddress(text: string): RedisAddress | null {
  const [, inBrackets, plain, port] = ADDRESS_FORM.exec(text) ?? [];
  const host = inBrackets ?? plain ?? '';
  if (!isHost(host) || (inBrackets !== undefined && !host.includes(':')) || Number(port) > 65_535)
    return null;
  return { host, port: Number(port) };
}

/** What `parseAddress` reads back. */
export function writeAddress({ host, port }: RedisAddress): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
