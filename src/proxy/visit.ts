import type { Permit } from '../core/decision.ts';
import { forwardedFields, passHeaders } from '../core/forward-headers.ts';
import { callersRequestId, readHead, type RequestHead } from '../core/request-head.ts';
import type { Tracing } from '../runtime/tracing/tracing.ts';
import { drawId } from './draw-id.ts';
import { identityHeaders } from './identity.ts';
import type { InboundRequest } from './inbound/request.ts';
import { openExchange, type Exchange } from './record.ts';
import { openTrace } from './request-trace.ts';
import type { Place } from './routes.ts';
import type { Settings } from './settings.ts';

/** One request as the door handles it. */
export interface Visit {
  readonly request: InboundRequest;
  readonly head: RequestHead;
  readonly exchange: Exchange;
  /** Those that were in force when it began, and hold for it to its end. */
  readonly settings: Settings;
  /** Text from a client without the keys in it. */
  readonly mask: (text: string) => string;
}

export interface VisitOptions {
  readonly settings: Settings;
  /** Monotonic. */
  readonly receivedAt: number;
  /** Text from a client without the keys in it. */
  readonly mask: (text: string) => string;
  readonly tracing: Tracing | null;
}

export function openVisit(
  request: InboundRequest,
  upgrade: boolean,
  { settings, receivedAt, mask, tracing }: VisitOptions,
): Visit {
  const { peer } = request;
  const { method, target, raw } = request.head;
  const head = readHead(raw);
  const exchange = openExchange(
    {
      requestId: callersRequestId(head, mask) ?? newRequestId(),
      method,
      url: target,
      address: settings.trustedProxies.clientAddress(peer, head),
      userAgent: head.userAgent,
      upgrade,
    },
    receivedAt,
  );
  if (tracing !== null) {
    exchange.trace = openTrace(tracing, request, {
      at: receivedAt,
      isTrusted: settings.trustedProxies.trusts(peer),
    });
  }
  return { request, head, exchange, settings, mask };
}

/**
 * What the upstream gets. The key service is told one address, the client's as this gate judges it, since it cannot
 * know whose X-Forwarded-For is to be believed.
 */
export function upstreamHeaders(
  permit: Permit<Place>,
  { request, head, exchange, settings, mask }: Visit,
): string[] {
  const { peer, isEncrypted: encrypted } = request;
  const { credential } = permit;
  const { route, forwardedPath: target } = permit.route;
  const trusted = !route.isManagement && settings.trustedProxies.trusts(peer);
  const address = route.isManagement ? exchange.address : peer;
  const headers = passHeaders(head, {
    credential: route.credential,
    accepted: credential,
    trustedPeer: trusted,
    assertionHeader: settings.assertions?.header ?? null,
  });
  if (route.isManagement) maskUserAgent(headers, mask);
  headers.push(...forwardedFields(head, { address, trusted, encrypted }));
  const { requestId, method } = exchange;
  headers.push(...identityHeaders(permit, { requestId, method, target }, settings));
  return headers;
}

/** The key service writes it down, and cannot know which prefixes keys have here. */
function maskUserAgent(headers: string[], mask: (text: string) => string): void {
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (headers[i]?.toLowerCase() === 'user-agent') headers[i + 1] = mask(headers[i + 1] ?? '');
  }
}

/** `req_` and 26 upper-case hex digits, the form Plextera's documents show. */
export function newRequestId(): string {
  return `req_${drawId()}`;
}
