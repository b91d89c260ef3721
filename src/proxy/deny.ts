import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Denial } from '../core/decision.ts';
import { STANDARD_VOICE, writeRefusal, type RefusalText } from '../core/dialect.ts';
import { rateLimitFields } from '../core/rate-limit-fields.ts';
import type { InboundAnswer } from './inbound/answer.ts';
import { sendLastAnswer } from './inbound/last-answer.ts';
import type { InboundRequest } from './inbound/request.ts';
import type { Place } from './routes.ts';

export interface Refusing {
  readonly denial: Denial<Place>;
  readonly requestId: string;
  /** Epoch milliseconds, for X-RateLimit-Reset. */
  readonly now: number;
  readonly draining: boolean;
}

/** What went out, for the record. */
export interface Refused {
  readonly status: number;
  readonly bytesOut: number;
}

/** How long a client whose upgrade is refused may leave answers unread. */
const UNREAD_MS = 30_000;

/** Answers an HTTP request in the dialect of its route. */
export function denyRequest(request: InboundRequest, answer: InboundAnswer, refusing: Refusing): Refused {
  // What is left of a body nobody wants would have to be read to its end before the next request.
  const close = refusing.draining || !request.isComplete || refusing.denial.reason === 'malformed_request';
  return sendWhole(answer, refusalText(refusing, close));
}

/** Sends an answer that was made here. */
export function sendWhole(answer: InboundAnswer, { status, headers, body }: RefusalText): Refused {
  answer.writeHead(status, headers);
  const bytes = bytesOf(body);
  answer.end(bytes);
  return { status, bytesOut: bytes.length };
}

/** Answers on a bare socket, where an upgrade was refused, and ends it. */
export function denySocket(socket: Socket, refusing: Refusing): Refused {
  const { status, headers, body } = refusalText(refusing, true);
  let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nDate: ${new Date(refusing.now).toUTCString()}\r\n`;
  for (let i = 0; i + 1 < headers.length; i += 2) text += `${headers[i]}: ${headers[i + 1]}\r\n`;
  const bytes = bytesOf(body);
  socket.setTimeout(UNREAD_MS, () => socket.destroy());
  sendLastAnswer(socket, `${text}\r\n${bytes}`);
  return { status, bytesOut: bytes.length };
}

/** In UTF-8, each byte a character. */
function bytesOf(body: string): string {
  return Buffer.byteLength(body) === body.length ? body : Buffer.from(body).toString('latin1');
}

/** In the dialect of the route, with what is left of its limits. */
export function refusalText({ denial, requestId, now }: Refusing, close: boolean): RefusalText {
  const more = rateLimitFields(denial.limits, now);
  if (close) more.push('Connection', 'close');
  const { reason, retryAfterMs, sent } = denial;
  return writeRefusal({ reason, retryAfterMs, sent, requestId }, denial.route?.voice ?? STANDARD_VOICE, more);
}
