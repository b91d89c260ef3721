import { isIP } from 'node:net';
import type { RequestHead } from './request-head.ts';

/** How a proxy that asks before it forwards says what it was asked itself. One family holds for a listener; the others' headers are a client's own. */
export const ORIGINAL_FAMILIES = ['x-original', 'x-forwarded', 'envoy'] as const;
export type OriginalFamily = (typeof ORIGINAL_FAMILIES)[number];

/** What the client asked of the proxy. */
export interface OriginalRequest {
  readonly method: string;
  readonly url: string;
  /** The client's head, its Host the original one; of the connection to the gate there is nothing in it. */
  readonly head: RequestHead;
  /** The client's address as the proxy tells it; null: the last of X-Forwarded-For that is no proxy. */
  readonly address: string | null;
  /** The protocol that it asks to go on with, in lower case; null: none. */
  readonly upgrade: string | null;
}

/** For the log; holds nothing of the request. */
export interface OriginalProblem {
  readonly problem: string;
}

/** The request that asks for a decision, as it came. */
export interface AskingRequest {
  readonly method: string;
  readonly url: string;
  readonly head: RequestHead;
}

/** Where decisions are asked for, and below. */
export const AUTHORIZE_PATH = '/authorize';

/**
 * The original request as the one family tells it. Nothing is guessed: what is missing, empty or there twice is a
 * problem, the method above all, which is never taken for GET.
 */
export function readOriginal(
  family: OriginalFamily,
  asking: AskingRequest,
): OriginalRequest | OriginalProblem {
  if (family === 'envoy') return readPrefixed(asking);
  const { raw } = asking.head;
  const names = NAMES[family];
  const method = onlyLine(raw, names.method);
  const url = onlyLine(raw, names.url);
  const host = onlyLine(raw, names.host);
  if (method === null) return problem('the original method is missing, empty or there twice');
  if (url === null) return problem('the original URI is missing, empty or there twice');
  if (host === null) return problem('the original host is missing, empty or there twice');
  const address = names.address === null ? null : onlyLine(raw, names.address);
  if (names.address !== null && (address === null || isIP(address) === 0)) {
    return problem('the original address is missing, there twice or no address');
  }
  if (names.address === null && asking.head.forwardedFor.length === 0) {
    return problem('there is no X-Forwarded-For, so the original address is missing');
  }
  return { method, url, head: headOf(asking.head, [host]), address, upgrade: upgradeOf(raw, names.upgrade) };
}

const NAMES = {
  'x-original': {
    method: 'x-original-method',
    url: 'x-original-uri',
    host: 'x-original-host',
    address: 'x-original-address',
    upgrade: 'x-original-upgrade',
  },
  'x-forwarded': {
    method: 'x-forwarded-method',
    url: 'x-forwarded-uri',
    host: 'x-forwarded-host',
    address: null,
    upgrade: 'x-forwarded-upgrade',
  },
} as const;

/** Envoy asks with the original's own method and Host, and its path below a prefix. */
function readPrefixed({ method, url, head }: AskingRequest): OriginalRequest | OriginalProblem {
  const original = url.slice(AUTHORIZE_PATH.length);
  if (!original.startsWith('/')) return problem('there is no original path below the prefix');
  if (head.forwardedFor.length === 0) {
    return problem('there is no X-Forwarded-For, so the original address is missing');
  }
  return {
    method,
    url: original,
    head: headOf(head, head.host),
    address: null,
    upgrade: upgradeOf(head.raw, 'upgrade'),
  };
}

/** How the proxy's own request is framed says nothing about the client's. */
function headOf(head: RequestHead, host: readonly string[]): RequestHead {
  return { ...head, host, connection: NONE, transferEncoding: NONE, contentLength: NONE };
}

const NONE: readonly string[] = [];
/** No WebSocket is opened without it (RFC 6455 section 4.2.1), and it is no hop-by-hop field, so that every proxy passes it on. */
export const WEBSOCKET = 'websocket';
const HANDSHAKE_KEY = 'sec-websocket-key';

/**
 * Which other protocol the client asks for: by what the proxy says of it, by the Upgrade that some proxies pass on, and
 * by a field that a handshake cannot do without. More signs than needed only ask for more permission.
 */
function upgradeOf(raw: readonly string[], told: string): string | null {
  let upgrade: string | null = null;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = (raw[i] ?? '').toLowerCase();
    const value = (raw[i + 1] ?? '').toLowerCase();
    if (name === HANDSHAKE_KEY) upgrade ??= WEBSOCKET;
    else if ((name === told || name === 'upgrade') && value !== '') {
      upgrade = upgrade === null || upgrade === WEBSOCKET ? value : upgrade;
    }
  }
  return upgrade;
}

/** The value of the one line of this name; null where there is none, an empty one, or a second. Lower case. */
export function onlyLine(raw: readonly string[], name: string): string | null {
  let value: string | null = null;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    if ((raw[i] ?? '').toLowerCase() !== name) continue;
    if (value !== null) return null;
    value = raw[i + 1] ?? '';
  }
  return value === '' ? null : value;
}

function problem(text: string): OriginalProblem {
  return { problem: text };
}
