import {
  IDENTITY_HEADERS,
  isOverride,
  isSameHeader,
  passHeaders,
  type CredentialForwarding,
  type Forwarding,
} from './forward-headers.ts';
import type { RequestHead } from './request-head.ts';

/*
 * What a proxy is told that forwards by itself. It can put headers in place of a client's own, and take off those that
 * it has been told to; so every header of ours is always there, and what nobody takes off is refused.
 */

const SPELT = IDENTITY_HEADERS.map((name) => name.replace(/(?:^|-)[a-z]/g, (start) => start.toUpperCase()));
const MCPS = 'x-allowed-mcps';
/** A list without an entry that is not empty as a text (RFC 9110 section 5.6.1.2). */
const EMPTY_LIST = ',';

/**
 * All identity headers: those of `fields` and, empty, the others; also the one that carries the assertion, where the
 * configuration names one. Of a proxy that takes an empty header for none, the
 * list of MCP servers must not come to mean all of them where it is empty.
 */
export function wholeIdentity(fields: readonly string[], assertionHeader: string | null): string[] {
  const whole = [...fields];
  const there = new Set<string>();
  for (let i = 0; i + 1 < whole.length; i += 2) {
    const name = (whole[i] ?? '').toLowerCase();
    there.add(name);
    if (name === MCPS && whole[i + 1] === '') whole[i + 1] = EMPTY_LIST;
  }
  for (const name of assertionHeader === null ? SPELT : [...SPELT, assertionHeader]) {
    const lower = name.toLowerCase();
    if (there.has(lower)) continue;
    there.add(lower);
    whole.push(name, '');
  }
  return whole;
}

/**
 * The client's credential as the upstream may see it: Authorization, X-Api-Key and the header the route rewrites it
 * to, each once, empty where nothing of it may reach the upstream.
 */
export function credentialFields(head: RequestHead, forwarding: Forwarding): string[] {
  const passed = passHeaders(head, forwarding);
  return credentialNames(forwarding.credential).flatMap((name) => [name, valueOf(passed, name)]);
}

function credentialNames(credential: CredentialForwarding): readonly string[] {
  if (credential.kind !== 'rewrite' || CREDENTIALS.some((name) => isSame(name, credential.header)))
    return CREDENTIALS;
  return [...CREDENTIALS, credential.header];
}

const CREDENTIALS = ['Authorization', 'X-Api-Key'] as const;

function valueOf(fields: readonly string[], name: string): string {
  for (let i = 0; i + 1 < fields.length; i += 2) {
    if (isSame(fields[i] ?? '', name)) return fields[i + 1] ?? '';
  }
  return '';
}

function isSame(one: string, other: string): boolean {
  return one.length === other.length && one.toLowerCase() === other.toLowerCase();
}

/** Of the fields, those that are empty: for a proxy that takes off what it is told to. */
export function emptyNames(fields: readonly string[]): string[] {
  return fields.filter((name, i) => i % 2 === 0 && name !== '' && fields[i + 1] === '');
}

/**
 * Whether a client's header has a line that never reaches an upstream through the gate itself and that no answer of ours
 * could replace: another spelling of a header that counts, or one that turns the request into another.
 */
export function holdsUnremovable(raw: readonly string[], assertionHeader: string | null): boolean {
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? '';
    if (isOverride(name)) return true;
    if (assertionHeader !== null && isSameHeader(name, assertionHeader) && !isSame(name, assertionHeader))
      return true;
  }
  return false;
}
