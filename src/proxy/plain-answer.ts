import { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';

export interface PlainAnswerOptions {
  /** How long the upstream, or a client that does not read, may hold the body up. */
  readonly stallMs: number;
  /** How long the client may keep the connection open behind the answer. */
  readonly lingerMs: number;
}

/**
 * What an upstream answers to an upgrade it does not make, as it goes to the client; nothing is sent yet. Throws
 * where the status line is none that can end a request: Node hands out a 101 that names no protocol, too.
 */
export function plainAnswer(answer: IncomingMessage, fields: readonly string[]): ServerResponse {
  const status = answer.statusCode ?? 0;
  if (status < 200) throw new RangeError(`status ${status}`);
  // To a GET of HTTP/1.1, as every one is that wants a WebSocket.
  const request = new IncomingMessage(answer.socket);
  Object.assign(request, { method: 'GET', httpVersionMajor: 1, httpVersionMinor: 1 });
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.writeHead(status, answer.statusMessage, [...fields]);
  return response;
}

/**
 * Sends `response` with the body of `answer` on a client's socket that carries nothing else, with back-pressure, and
 * closes it; what the client still sends MUST be being dropped. Returns whether all of it was sent; an answer that breaks off breaks off for the client.
 */
export async function sendPlainAnswer(
  response: ServerResponse,
  answer: IncomingMessage,
  client: Socket,
  { stallMs, lingerMs }: PlainAnswerOptions,
): Promise<boolean> {
  response.assignSocket(client);
  // Which a server would pass on.
  client.on('drain', () => response.emit('drain'));
  answer.setTimeout(stallMs, () => answer.destroy());
  const whole = await pipeline(answer, response).then(
    () => true,
    () => false,
  );
  if (whole) client.end();
  else client.destroy();
  const linger = setTimeout(() => client.destroy(), lingerMs);
  client.once('close', () => {
    clearTimeout(linger);
  });
  return whole;
}
