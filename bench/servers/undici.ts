import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Pool, type Dispatcher } from 'undici';

/** Forwards with undici's dispatcher and does nothing else: what a gate built on it must cost at least. */
const [upstream = ''] = process.argv.slice(2);
const pool = new Pool(upstream, { pipelining: 1 });
const server = createServer((request, response) => {
  const { connection: _, ...headers } = request.headers;
  const handler: Dispatcher.DispatchHandler = {
    onRequestStart() {},
    onResponseStart(_controller, status, answerHeaders) {
      const { 'transfer-encoding': _, connection: __, 'keep-alive': ___, ...kept } = answerHeaders;
      response.writeHead(status, kept);
    },
    onResponseData(controller, chunk) {
      if (response.write(chunk)) return;
      controller.pause();
      response.once('drain', () => controller.resume());
    },
    onResponseEnd() {
      response.end();
    },
    onResponseError() {
      response.destroy();
    },
  };
  const method = request.method ?? 'GET';
  const body = method === 'GET' ? null : request;
  pool.dispatch({ path: request.url ?? '/', method, headers, body }, handler);
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});
