import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Permit } from '../core/decision.ts';
import { forwardedFields, identityFields, passHeaders } from '../core/forward-headers.ts';
import { callersRequestId, readHead, type RequestHead } from '../core/request-head.ts';
import { plainAddress } from './address.ts';
import { openExchange, type Exchange } from './record.ts';
import type { Place } from './routes.ts';
import type { Settings } from './settings.ts';

/** One request as the door handles it. */
export interface Visit {
  readonly request: IncomingMessage;
  readonly head: RequestHead;
  readonly peer: string;
  readonly exchange: Exchange;
  /** Those that were in force when it began, and hold for it to its end. */
  readonly settings: Settings;
}

export interface VisitOptions {
  readonly settings: Settings;
  /** Monotonic. */
  readonly receivedAt: number;
  /** Text from a client without the keys in it. */
  readonly mask: (text: string) => string;
}

export function openVisit(
  request: IncomingMessage,
  upgrade: boolean,
  { settings, receivedAt, mask }: VisitOptions,
): Visit {
  const head = readHead(request.rawHeaders);
  const peer = plainAddress(request.socket.remoteAddress ?? '');
  const exchange = openExchange(
    {
      requestId: callersRequestId(head, mask) ?? newRequestId(),
      method: request.method ?? '',
      url: request.url ?? '',
      address: settings.trustedProxies.clientAddress(peer, head),
      userAgent: head.userAgent,
      upgrade,
    },
    receivedAt,
  );
  return { request, head, peer, exchange, settings };
}

/**
 * What the upstream gets. The key service is told one address, the client's as this gate judges it, since it cannot
 * know whose X-Forwarded-For is to be believed.
 */
export function upstreamHeaders(
  { key, credential, route: { route } }: Permit<Place>,
  { head, peer, exchange, settings }: Visit,
  encrypted: boolean,
): string[] {
  const trusted = !route.isManagement && settings.trustedProxies.trusts(peer);
  const address = route.isManagement ? exchange.address : peer;
  const headers = passHeaders(head, {
    credential: route.credential,
    accepted: credential,
    trustedPeer: trusted,
  });
  headers.push(...forwardedFields(head, { address, trusted, encrypted }));
  headers.push(...identityFields(key, exchange.requestId));
  return headers;
}

/** `req_` and 26 upper-case hex digits, the form Plextera's documents show. */
export function newRequestId(): string {
  // From Node's own pool of random bytes, which a call of randomBytes for each request would not use.
  return `req_${randomUUID().replaceAll('-', '').slice(0, 26).toUpperCase()}`;
}
