import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { maskKeys } from '../core/secret.ts';
import type { Actor } from './store/ledger.ts';

/** The program itself, by no request of anybody. */
export const PROGRAM: Actor = {
  keyId: null,
  ownerId: null,
  operator: null,
  requestId: null,
  address: null,
  userAgent: null,
  method: null,
  path: null,
};

/** What a key says of who made it. */
export function makerOf({ keyId, operator }: Actor): string {
  return keyId ?? operator ?? 'admin';
}

const MAX_LENGTH = 256;
// What a terminal or a log viewer might act on.
const CONTROL = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

const REQUEST_ID = /^[\x21-\x7e]{1,128}$/;

/** The caller's own, where it is one; else a new one of the form the gate makes. */
export function requestIdOf(header: string | undefined): string {
  if (header !== undefined && REQUEST_ID.test(header)) return header;
  return `req_${randomUUID().replaceAll('-', '').slice(0, 26).toUpperCase()}`;
}

/** What an HTTP request says of who makes it. */
export interface Requester {
  readonly headers: IncomingHttpHeaders;
  readonly requestId: string;
  readonly peer: string | undefined;
  readonly method: string;
  /** `:id` stands for one segment: what the client wrote there may be a key. */
  readonly path: string;
  readonly id: string | undefined;
}

const OUR_ID = /^(?:key_[0-9A-Za-z]{22}|op_[0-9A-Za-z_-]{16})$/;

/** Whoever calls with the admin token, or without one. */
export function adminActor({ headers, requestId, peer, method, path, id = '' }: Requester): Actor {
  const userAgent = headers['user-agent'];
  return {
    keyId: null,
    ownerId: null,
    operator: null,
    requestId: keptText(requestId),
    address: peer ?? null,
    userAgent: userAgent === undefined ? null : keptText(userAgent),
    method,
    path: path.replace(':id', OUR_ID.test(id) ? id : '{id}'),
  };
}

/** The key a gate vouches for. The gate writes the last entry of X-Forwarded-For: whom it was connected to. */
export function vouchedActor(requester: Requester): Actor {
  const { headers } = requester;
  const address = single(headers['x-forwarded-for'])?.split(',').at(-1)?.trim();
  const [keyId, ownerId] = [single(headers['x-key-id']), single(headers['x-owner-id'])];
  return {
    ...adminActor(requester),
    keyId: keyId === undefined ? null : keptText(keyId),
    ownerId: ownerId === undefined ? null : keptText(ownerId),
    ...(address === undefined ? {} : { address: keptText(address) }),
  };
}

/** Whether the gate has said which key, whose, and what it may do. */
export function isIdentified(headers: IncomingHttpHeaders): boolean {
  return ['x-key-id', 'x-owner-id', 'x-permission-level'].every(
    (name) => single(headers[name]) !== undefined,
  );
}

/** Node joins the lines of such a header into one; there is nothing to join where a gate wrote it. */
function single(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** A text of a client as it may be kept: without anything that looks like a key, and short. */
export function keptText(text: string): string {
  return maskKeys(text.slice(0, 4 * MAX_LENGTH))
    .replaceAll(CONTROL, ' ')
    .slice(0, MAX_LENGTH);
}
