import { isForeignAuthorization } from './credential.ts';
import { valuesOf } from './header-lines.ts';
import type { KeyRecord } from './key.ts';
import { ownText } from './own-text.ts';
import type { Scheme } from './profile.ts';
import type { RequestHead } from './request-head.ts';
import type { Secret } from './secret.ts';

/** What becomes of the client's credential: nothing reaches the upstream, it stays, or the upstream's own takes its place. */
export type CredentialForwarding =
  | { readonly kind: 'strip' }
  | { readonly kind: 'keep' }
  | {
      readonly kind: 'rewrite';
      readonly header: string;
      readonly scheme: string | null;
      /** The upstream's own credential; null sends the caller's key in the other format. */
      readonly value: Secret | null;
    };

/** Carries the signed assertion unless the configuration names another. */
export const ASSERTION_HEADER = 'X-Plexgate-Identity';

/** Header names an upstream may trust because a client's own never arrive. Lower case. */
export const IDENTITY_HEADERS = [
  'x-key-id',
  'x-owner-id',
  'x-workspace-id',
  'x-user-id',
  'x-permission-level',
  'x-tier',
  'x-request-id',
  'x-allowed-mcps',
  'x-plexgate-identity',
] as const;

/** Fields that would turn the request that was decided on into another one. */
const OVERRIDES = [
  'x-http-method',
  'x-http-method-override',
  'x-method-override',
  'x-original-url',
  'x-rewrite-url',
] as const;

type Treatment = 'pass' | 'drop' | 'credential' | 'forwarded';

const TREATMENTS = new Map<string, Treatment>([
  ...IDENTITY_HEADERS.map((name) => [name, 'drop'] as const),
  // RFC 9110 section 7.6.1: they describe one connection. Expect was answered by the server already.
  ...[
    'connection',
    'keep-alive',
    'proxy-connection',
    'te',
    'trailer',
    'transfer-encoding',
    'upgrade',
    'expect',
  ]
    .concat(['proxy-authorization', 'proxy-authenticate', 'http2-settings'])
    .map((name) => [name, 'drop'] as const),
  ...OVERRIDES.map((name) => [name, 'drop'] as const),
  ['authorization', 'credential'],
  ['x-api-key', 'credential'],
  // Written anew by forwardedFields; the others stand only when a trusted proxy sent them.
  ...['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host'].map((name) => [name, 'drop'] as const),
  ...['x-forwarded-port', 'x-forwarded-prefix', 'x-forwarded-server', 'x-forwarded-ssl', 'forwarded']
    .concat(['x-real-ip', 'x-client-ip', 'true-client-ip', 'cf-connecting-ip'])
    .map((name) => [name, 'forwarded'] as const),
]);

/** Names whose other spellings (`X_Key_Id`, `X.Key.Id`) a CGI-like upstream would take for the name itself. */
const SPELLING_MATTERS: ReadonlySet<string> = new Set([
  ...TREATMENTS.keys(),
  'host',
  'content-length',
  'cookie',
  // The list of MCP servers of a key and by-mcp-method access are judged by them.
  'mcp-method',
  'mcp-name',
  'mcp-protocol-version',
]);

/** Treatments by the exact spelling seen; clients use few, and the caps bound what odd ones can cost. */
const seen = new Map<string, Treatment>();
const SEEN_MAX = 2000;
const SEEN_LENGTH_MAX = 64;

/** Whether the gate or the connection has a use of its own for a header, however it is spelled. */
export function isTakenHeader(name: string): boolean {
  return SPELLING_MATTERS.has(folded(name));
}

/** Whether an upstream may take the one name for the other. */
export function isSameHeader(one: string, other: string): boolean {
  return one.length === other.length && folded(one) === folded(other);
}

/** CGI turns whatever is neither letter nor digit into one character, so `X_Key_Id` and `X~Key~Id` are `X-Key-Id`. */
function folded(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '-');
}

function treatmentOf(name: string): Treatment {
  const known = seen.get(name);
  if (known !== undefined) return known;
  const treatment = isMisspelt(name) ? 'drop' : (TREATMENTS.get(name.toLowerCase()) ?? 'pass');
  if (seen.size < SEEN_MAX && name.length <= SEEN_LENGTH_MAX) seen.set(ownText(name), treatment);
  return treatment;
}

function isMisspelt(name: string): boolean {
  const plain = folded(name);
  return plain !== name.toLowerCase() && SPELLING_MATTERS.has(plain);
}

const unremovable = new Map<string, boolean>();

/** Whether a header of this name could make an upstream see another request, or another caller, than was decided on. */
export function isOverride(name: string): boolean {
  const known = unremovable.get(name);
  if (known !== undefined) return known;
  const is = isMisspelt(name) || OVERRIDES.some((override) => override === name.toLowerCase());
  if (unremovable.size < SEEN_MAX && name.length <= SEEN_LENGTH_MAX) unremovable.set(ownText(name), is);
  return is;
}

export interface Forwarding {
  readonly credential: CredentialForwarding;
  /** The credential the gate accepted; null on open routes. */
  readonly accepted: { readonly scheme: Scheme; readonly secret: Secret } | null;
  /** Whether the peer is a trusted proxy, so that its forwarding headers stand. */
  readonly trustedPeer: boolean;
  /** The identity header that the configuration names; null where it names none. */
  readonly assertionHeader: string | null;
}

/**
 * The client's headers as the upstream may see them, flat. Order and spelling stay. Hop-by-hop headers and those
 * the Connection header lists, method overrides, every spelling of an identity header and, unless kept, every
 * key are gone. The identity headers MUST be added after this, so that no Connection header can remove them.
 */
export function passHeaders(head: RequestHead, forwarding: Forwarding): string[] {
  const { raw } = head;
  const { assertionHeader } = forwarding;
  const listed = connectionOptions(head.connection);
  const passed: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? '';
    const value = raw[i + 1] ?? '';
    const treatment = treatmentOf(name);
    if (treatment === 'drop') continue;
    if (treatment === 'credential' && !credentialPasses(name, value, forwarding)) continue;
    if (treatment === 'forwarded' && !forwarding.trustedPeer) continue;
    if (listed !== null && listed.has(name.toLowerCase())) continue;
    if (assertionHeader !== null && isSameHeader(name, assertionHeader)) continue;
    passed.push(name, value);
  }
  if (forwarding.credential.kind === 'rewrite') addRewritten(passed, forwarding.credential, forwarding);
  return passed;
}

export interface Peer {
  /** Address of the connection's other end. */
  readonly address: string;
  readonly trusted: boolean;
  readonly encrypted: boolean;
}

/**
 * X-Forwarded-For, -Proto and -Host. A trusted peer's own are continued; anybody else's are replaced by what the
 * connection shows, so that an upstream can believe them.
 */
export function forwardedFields(head: RequestHead, peer: Peer): string[] {
  const before = peer.trusted ? head.forwardedFor : [];
  const proto = peer.trusted ? head.forwardedProto[0] : undefined;
  const host = (peer.trusted ? head.forwardedHost[0] : undefined) ?? head.host[0];
  const fields = [
    'X-Forwarded-For',
    [...before, peer.address].join(', '),
    'X-Forwarded-Proto',
    proto ?? (peer.encrypted ? 'https' : 'http'),
  ];
  if (host !== undefined) fields.push('X-Forwarded-Host', host);
  return fields;
}

/**
 * Who is calling, in headers an upstream may trust. A value that could not stand in a header or in a list of them,
 * or that holds a `%` of its own, is percent-encoded.
 * On open routes there is only the request id.
 */
export function identityFields(key: KeyRecord | null, requestId: string): string[] {
  if (key === null) return ['X-Request-Id', requestId];
  const { owner } = key;
  const fields = [
    'X-Key-Id',
    fieldValue(key.keyId),
    'X-Owner-Id',
    fieldValue(owner.id),
    'X-User-Id',
    fieldValue(owner.id),
    'X-Permission-Level',
    key.permission,
    'X-Tier',
    fieldValue(owner.tier),
    'X-Request-Id',
    requestId,
  ];
  if (owner.workspace !== null) fields.push('X-Workspace-Id', fieldValue(owner.workspace));
  if (key.mcps !== '*') fields.push('X-Allowed-Mcps', key.mcps.map(fieldValue).join(','));
  return fields;
}

/** Visible ASCII without `%` and `,`. */
const PLAIN_VALUE = /^[\x21-\x24\x26-\x2b\x2d-\x7e]*$/;

function fieldValue(text: string): string {
  return PLAIN_VALUE.test(text) ? text : encodeURIComponent(text.toWellFormed());
}

/** Only the placement that was accepted may be kept, and a foreign Authorization always is. */
function credentialPasses(name: string, value: string, { credential, accepted }: Forwarding): boolean {
  const isAuthorization = name.length === 'authorization'.length;
  if (isAuthorization && isForeignAuthorization(value)) return !rewrites(credential, 'authorization');
  if (credential.kind !== 'keep') return false;
  return accepted === null || (accepted.scheme !== 'x-api-key') === isAuthorization;
}

function rewrites(credential: CredentialForwarding, name: string): boolean {
  return credential.kind === 'rewrite' && credential.header.toLowerCase() === name;
}

function addRewritten(
  passed: string[],
  to: Extract<CredentialForwarding, { kind: 'rewrite' }>,
  { accepted }: Forwarding,
): void {
  // The upstream's own credential is lent to callers with a key, and to nobody else: not to open routes or preflights.
  const secret = accepted === null ? null : (to.value ?? accepted.secret);
  const name = folded(to.header);
  for (let i = passed.length - 2; i >= 0; i -= 2) {
    if (folded(passed[i] ?? '') === name) passed.splice(i, 2);
  }
  if (secret === null) return;
  passed.push(to.header, to.scheme === null ? secret.reveal() : `${to.scheme} ${secret.reveal()}`);
}

/** Options that name no header, and the headers that no option can take away, because they were decided on. */
const NOT_LISTABLE: ReadonlySet<string> = new Set([
  '',
  'keep-alive',
  'close',
  'upgrade',
  'host',
  'content-length',
  'origin',
  'access-control-request-method',
  'mcp-method',
  'mcp-name',
  'mcp-protocol-version',
]);

/** The header names a Connection header lists; null where it lists none worth looking for. */
export function connectionOptions(connection: readonly string[]): ReadonlySet<string> | null {
  let options: Set<string> | null = null;
  for (const line of connection) {
    for (const token of line.split(',')) {
      const option = token.trim().toLowerCase();
      if (!NOT_LISTABLE.has(option)) (options ??= new Set()).add(option);
    }
  }
  return options;
}

const RESPONSE_HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** An upstream's answer headers as the client may see them, without the hop-by-hop ones and those in `replaced`. */
export function passAnswerHeaders(raw: readonly string[], replaced: ReadonlySet<string>): string[] {
  const listed = connectionOptions(valuesOf(raw, 'connection'));
  const passed: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = (raw[i] ?? '').toLowerCase();
    if (RESPONSE_HOP_BY_HOP.has(name) || replaced.has(name) || listed?.has(name) === true) continue;
    passed.push(raw[i] ?? '', raw[i + 1] ?? '');
  }
  return passed;
}
