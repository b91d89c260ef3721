// The service behind the gate of a pod: it answers with what it has been asked, and listens on loopback alone.
import { createServer } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';

// `--drain-ms=N`: how long it goes on after it has been told to stop.
const { values } = parseArgs({ options: { 'drain-ms': { type: 'string', default: '0' } } });
const drainMs = Number(values['drain-ms']);

const server = createServer(async (request, response) => {
  const { method, url, headers } = request;
  const { searchParams } = new URL(url, 'http://app');
  await pause(Number(searchParams.get('wait') ?? 0));
  request.resume();
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ method, url, headers }));
});
// Longer than any gate keeps a connection, so that it is never this side that ends one.
server.keepAliveTimeout = 120_000;
server.listen(Number(process.env.PORT ?? 3000), process.env.HOST ?? '127.0.0.1');

// The gate beside it gets the same signal, and may have requests for it until it has drained.
process.on('SIGTERM', () => setTimeout(() => process.exit(0), drainMs));
