import { createServer, type Server } from 'node:http';
import { Agent } from 'node:http';
import { ProxyServer } from 'http-proxy-3';
import { Pool, type Dispatcher } from 'undici';

/**
 * One server of the benchmark as a process of its own: `node bench/peer.ts ROLE [UPSTREAM]`. It prints its port.
 * The two forwarders do nothing but forward: what any gate built on them must cost at least.
 */
const ROLES: Record<string, (upstream: string) => Server> = {
  upstream: () => {
    const body = Buffer.alloc(128, 'x');
    return createServer((_request, response) => {
      response.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': body.length });
      response.end(body);
    });
  },

  undici: (upstream) => {
    const pool = new Pool(upstream, { pipelining: 1 });
    return createServer((request, response) => {
      const { connection: _, ...headers } = request.headers;
      const handler: Dispatcher.DispatchHandler = {
        onRequestStart() {},
        onResponseStart(_controller, status, answerHeaders) {
          response.writeHead(status, answerHeaders);
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
      pool.dispatch({ path: request.url ?? '/', method, headers }, handler);
    });
  },

  'http-proxy-3': (upstream) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 256, maxFreeSockets: 256, scheduling: 'lifo' });
    const proxy = new ProxyServer({ target: upstream, agent, toProxy: true });
    return createServer((request, response) => {
      proxy.web(request, response);
    });
  },
};

const [role = '', upstream = ''] = process.argv.slice(2);
const server = ROLES[role]?.(upstream);
if (server === undefined) throw new Error(`no such role; there are ${Object.keys(ROLES).join(', ')}`);
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.stdout.write(`${typeof address === 'object' ? address?.port : ''}\n`);
});
