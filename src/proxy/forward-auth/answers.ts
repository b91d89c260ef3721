import { credentialFields, emptyNames, wholeIdentity } from '../../core/authorized-headers.ts';
import type { Permit } from '../../core/decision.ts';
import { deprecationFields } from '../../core/deprecation-fields.ts';
import type { RefusalText } from '../../core/dialect.ts';
import type { OriginalFamily } from '../../core/original-request.ts';
import { rateLimitFields } from '../../core/rate-limit-fields.ts';
import type { RequestHead } from '../../core/request-head.ts';
import { signRefusal } from '../../core/signed-refusal.ts';
import { identityHeaders } from '../identity.ts';
import type { Exchange } from '../record.ts';
import type { Place } from '../routes.ts';
import type { Settings } from '../settings.ts';
import type { ForwardAuthSettings } from './settings.ts';

/** What holds the refusal: in a 403 of ours, and in the request to have it rendered. */
export const REFUSAL_HEADER = 'X-Auth-Refusal';

/** The instant by which the answer tells what is left of limits; the one of the exchange. */
type Told = Pick<Exchange, 'requestId' | 'toldAt'>;

interface AboutPermission {
  readonly head: RequestHead;
  readonly exchange: Exchange;
  readonly settings: Settings;
  readonly family: OriginalFamily;
}

/** Of a target in absolute form, what comes before the path. */
const AUTHORITY = /^https?:\/\/[^/?]*/i;

/**
 * The answer that lets the request pass: what takes the place of the client's own headers on the way to the upstream,
 * each of them always there, and what the client is to be told of its limits.
 */
export function permission(
  permit: Permit<Place>,
  { head, exchange, settings, family }: AboutPermission,
): string[] {
  const { key, credential, route, limits } = permit;
  const assertionHeader = settings.assertions?.header ?? null;
  const accepted = { credential: route.route.credential, accepted: credential };
  const { requestId, method, url } = exchange;
  const seen = { requestId, method, target: url.replace(AUTHORITY, '') };
  const replaced = [
    ...wholeIdentity(identityHeaders(permit, seen, settings), assertionHeader),
    ...credentialFields(head, { ...accepted, trustedPeer: true, assertionHeader }),
  ];
  const fields = [...replaced, ...rateLimitFields(limits, exchange.toldAt)];
  if (key !== null) fields.push(...deprecationFields(key));
  // Envoy puts an empty header in place of a client's; so told, it takes it off.
  if (family === 'envoy') fields.push('X-Envoy-Auth-Headers-To-Remove', emptyNames(replaced).join(','));
  fields.push('Cache-Control', 'no-store', 'Content-Length', '0');
  return fields;
}

/**
 * A refusal for a proxy that knows 401 and 403 alone: its own status beside, and all of it signed. There is no body:
 * nginx would not read it, and end the connection for it.
 */
export function as403(refusal: RefusalText, { seal }: ForwardAuthSettings, { toldAt }: Told): RefusalText {
  const headers = ['X-Auth-Status', String(refusal.status), 'Content-Length', '0'];
  for (let i = 0; i + 1 < refusal.headers.length; i += 2) {
    const name = refusal.headers[i] ?? '';
    if (!OF_BODY.has(name)) headers.push(name, refusal.headers[i + 1] ?? '');
  }
  headers.push(REFUSAL_HEADER, signRefusal(refusal, seal, toldAt));
  return { status: 403, headers, body: '' };
}

/** As `writeRefusal` spells them. */
const OF_BODY: ReadonlySet<string> = new Set(['Content-Type', 'Content-Length']);
