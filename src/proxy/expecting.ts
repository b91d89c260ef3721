import { request as askPlain, type ClientRequest, type IncomingMessage } from 'node:http';
import { request as askEncrypted } from 'node:https';
import type { Socket } from 'node:net';
import type { Controller, Flight } from './flight.ts';
import type { Forward } from './forward.ts';

interface Upstream {
  readonly origin: string;
  /** PEM of the authorities that may vouch for it; null: the public ones. */
  readonly ca: string | null;
  readonly connectMs: number;
}

/**
 * A request whose client sends its body only when told to (RFC 9110 section 10.1.1), on a connection of its own, since
 * undici does not send such requests. The expectation goes to the upstream, and it is the upstream that says
 * 100 Continue or answers at once; a body that comes unasked is passed on.
 */
export function launchExpecting(flight: Flight, forward: Forward, to: Upstream): void {
  const { request, response, permit } = forward;
  const { origin, ca, connectMs } = to;
  const isEncrypted = origin.startsWith('https:');
  const outgoing = (isEncrypted ? askEncrypted : askPlain)(origin, {
    agent: false,
    method: request.method,
    path: permit.route.forwardedPath,
    headers: fieldsOf(forward),
    ...(ca === null ? {} : { ca }),
  });
  const controller = controlOf(outgoing);
  const fail = (error: Error): void => flight.onResponseError(controller, error);
  outgoing.on('error', fail);
  // An answer that nobody listens for, such as a switch of protocols, closes without an error.
  outgoing.on('close', () => fail(new Error('the upstream closed the connection')));
  outgoing.on('socket', (socket: Socket) => {
    // Corked, so that the first byte is written in the tick in which the permit is asked for once more.
    socket.cork();
    // Header bytes were read as latin-1, and Node would write them as UTF-8.
    socket.setDefaultEncoding('latin1');
    const late = setTimeout(() => outgoing.destroy(timedOut()), connectMs);
    socket.once('close', () => clearTimeout(late));
    socket.once(isEncrypted ? 'secureConnect' : 'connect', () => {
      clearTimeout(late);
      flight.onRequestStart(controller);
      if (outgoing.destroyed) return;
      socket.uncork();
      request.on('data', (chunk: Buffer) => flight.onBodySent(chunk));
      request.once('end', () => flight.onRequestSent());
      request.pipe(outgoing);
    });
  });
  let isContinued = false;
  outgoing.once('continue', () => {
    isContinued = true;
    if (!response.headersSent && !response.destroyed) response.writeContinue();
  });
  outgoing.once('response', (answer) => {
    controller.rawHeaders = answer.rawHeaders;
    controller.answer = answer;
    // Whether the client still sends its body is its own affair, so that what follows could be either.
    if (!isContinued && !request.complete) forward.answerHeaders.push('Connection', 'close');
    flight.onResponseStart(controller, answer.statusCode ?? 0, answer.headers, answer.statusMessage);
    answer.on('data', (chunk: Buffer) => flight.onResponseData(controller, chunk));
    answer.on('error', fail);
    answer.once('end', () => flight.onResponseEnd());
  });
}

function fieldsOf({ request, headers }: Forward): string[] {
  const framing = request.headers['transfer-encoding'] === undefined ? [] : ['Transfer-Encoding', 'chunked'];
  return [...headers, 'Connection', 'close', 'Expect', '100-continue', ...framing];
}

function controlOf(
  outgoing: ClientRequest,
): Controller & { rawHeaders: string[]; answer: IncomingMessage | null } {
  return {
    rawHeaders: [],
    answer: null,
    abort: (reason) => void outgoing.destroy(reason),
    pause() {
      this.answer?.pause();
    },
    resume() {
      this.answer?.resume();
    },
  };
}

function timedOut(): Error {
  return Object.assign(new Error('no connection in time'), { code: 'ETIMEDOUT' });
}
