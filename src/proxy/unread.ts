import type { Clock } from '../core/clock.ts';
import { deny } from '../core/decision.ts';
import type { InboundHead } from './inbound/request-head.ts';
import { openExchange, type Exchange, type Recorder } from './record.ts';
import { newRequestId } from './visit.ts';

/** What the record says of what came in place of a request, and was answered with a bare status. */
const UNREAD = 'it could not be read';

/** The record of it. `head`: of a request whose body could not be read. */
export function recordUnread(
  record: Recorder,
  clock: Clock,
  {
    status,
    peer,
    head,
  }: { readonly status: number; readonly peer: string; readonly head: InboundHead | null },
): void {
  const exchange = openExchange(
    {
      requestId: newRequestId(),
      method: head?.method ?? '',
      url: head?.target ?? '',
      address: peer,
      userAgent: null,
    },
    clock.monotonic(),
  );
  record.decided(exchange, deny(reasonOf(status), {}, { detail: UNREAD }));
  exchange.status = status;
  record(exchange);
}

/** The same of a request that was permitted before its body turned out to be unreadable. */
export function noteUnread(exchange: Exchange, status: number): void {
  Object.assign(exchange, { status, failure: reasonOf(status), detail: UNREAD, toldAt: 0 });
}

function reasonOf(status: number) {
  return status === 431 ? 'headers_too_large' : 'malformed_request';
}
