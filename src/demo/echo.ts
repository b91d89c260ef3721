import { createServer, type IncomingMessage, type ServerResponse, type Server } from 'node:http';

/** What the demo's upstream reads of a body before it answers; more is counted, not shown. */
const SHOWN_BYTES = 2048;
const EVENTS = 5;
const EVENT_EVERY_MS = 1000;

/** The `echo` upstream: answers with the request as it arrived; `/events` is a short stream of events. */
export function createEchoServer(): Server {
  return createServer((request, response) => {
    if ((request.url ?? '').split('?', 1)[0] === '/events') sendEvents(response);
    else echo(request, response);
  });
}

function echo(request: IncomingMessage, response: ServerResponse): void {
  const shown: Buffer[] = [];
  let bytes = 0;
  request.on('data', (chunk: Buffer) => {
    if (bytes < SHOWN_BYTES) shown.push(chunk.subarray(0, SHOWN_BYTES - bytes));
    bytes += chunk.length;
  });
  request.on('end', () => {
    const body = JSON.stringify(
      {
        upstream: 'echo',
        method: request.method,
        path: request.url,
        headers: request.headersDistinct,
        body: { bytes, start: Buffer.concat(shown).toString() },
      },
      null,
      2,
    );
    response.writeHead(200, {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(body) + 1,
    });
    response.end(`${body}\n`);
  });
}

function sendEvents(response: ServerResponse): void {
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
  let sent = 0;
  const timer = setInterval(() => {
    sent += 1;
    response.write(`id: ${sent}\ndata: event ${sent} of ${EVENTS}\n\n`);
    if (sent === EVENTS) response.end();
  }, EVENT_EVERY_MS);
  response.on('close', () => clearInterval(timer));
}
