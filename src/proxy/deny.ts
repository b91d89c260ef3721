import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Denial } from '../core/decision.ts';
import { STANDARD_VOICE, writeRefusal, type RefusalText } from '../core/dialect.ts';
import { rateLimitFields } from '../core/rate-limit-fields.ts';
import { endsConnection } from './ignored-upgrade.ts';
import { LINGER_MS, sendLastAnswer } from './last-answer.ts';
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

/** Answers an HTTP request in the dialect of its route. */
export function denyResponse(
  request: IncomingMessage,
  response: ServerResponse,
  refusing: Refusing,
): Refused {
  // What is left of a body nobody wants would have to be read to its end before the next request.
  const isOdd = refusing.denial.reason === 'malformed_request' || endsConnection(request);
  const close = refusing.draining || !request.complete || isOdd;
  return sendWhole(request, response, refusalText(refusing, close));
}

/** Sends an answer that was made here, also where the request has not come to its end. */
export function sendWhole(
  request: IncomingMessage,
  response: ServerResponse,
  { status, headers, body }: RefusalText,
): Refused {
  response.writeHead(status, headers);
  if (request.complete) response.end(body);
  else endBehindRest(request, response, body);
  return { status, bytesOut: Buffer.byteLength(body) };
}

/**
 * The whole answer goes out before the whole request is in. What still comes is dropped, for two seconds at most: an end
 * at once would reset the connection, and a client that reads nothing before it has sent all would never see the answer.
 */
function endBehindRest(request: IncomingMessage, response: ServerResponse, body: string): void {
  response.write(body);
  const end = (): void => void response.end();
  const linger = setTimeout(end, LINGER_MS);
  response.once('close', () => {
    clearTimeout(linger);
  });
  // Not `resume` alone, which does nothing while a forwarder has not let go of the request.
  request
    .once('end', end)
    .on('data', () => undefined)
    .resume();
}

/** Answers on a bare socket, where an upgrade was refused, and ends it. */
export function denySocket(socket: Duplex, refusing: Refusing): Refused {
  const { status, headers, body } = refusalText(refusing, true);
  let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nDate: ${new Date(refusing.now).toUTCString()}\r\n`;
  for (let i = 0; i + 1 < headers.length; i += 2) text += `${headers[i]}: ${headers[i + 1]}\r\n`;
  sendLastAnswer(socket, `${text}\r\n${body}`);
  return { status, bytesOut: Buffer.byteLength(body) };
}

const PARSER_ANSWERS: Record<string, readonly [number, string]> = {
  HPE_HEADER_OVERFLOW: [431, 'Request Header Fields Too Large'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'Content Too Large'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'Request Timeout'],
};

/** A bare answer to what the parser refused, and the end of its connection. Returns the status. */
export function denyUnparsed(socket: Duplex, error: NodeJS.ErrnoException, sent?: () => void): number {
  const [status, phrase] = PARSER_ANSWERS[error.code ?? ''] ?? [400, 'Bad Request'];
  const head = `HTTP/1.1 ${status} ${phrase}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`;
  sendLastAnswer(socket, head, sent);
  return status;
}

/** In the dialect of the route, with what is left of its limits. */
export function refusalText({ denial, requestId, now }: Refusing, close: boolean): RefusalText {
  const more = rateLimitFields(denial.limits, now);
  if (close) more.push('Connection', 'close');
  const { reason, retryAfterMs, sent } = denial;
  return writeRefusal({ reason, retryAfterMs, sent, requestId }, denial.route?.voice ?? STANDARD_VOICE, more);
}
