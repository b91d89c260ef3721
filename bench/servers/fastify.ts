import httpProxy from '@fastify/http-proxy';
import rateLimit from '@fastify/rate-limit';
import fastify from 'fastify';
import type { Keys } from '../cases.ts';

/** @fastify/http-proxy behind @fastify/rate-limit in memory and a map of keys; it writes no access log. */
const [upstream = ''] = process.argv.slice(2);
const keys = JSON.parse(process.env['BENCH_KEYS'] ?? '{}') as Keys;
const access = new Map([
  [keys.good, 'write'],
  [keys.readOnly, 'read'],
  [keys.limited, 'write'],
]);
const WIDE = 1e9;

const app = fastify({ bodyLimit: 10 * 2 ** 20 });
app.addHook('onRequest', async (request, reply) => {
  const level = access.get(String(request.headers['x-api-key']));
  if (level === undefined) return reply.code(401).send({ error: 'unknown key' });
  if (level === 'read' && request.method !== 'GET') return reply.code(403).send({ error: 'read only' });
  return undefined;
});
await app.register(rateLimit, {
  max: (_request, key) => (key === keys.limited ? 1 : WIDE),
  timeWindow: 60_000,
  keyGenerator: (request) => String(request.headers['x-api-key']),
});
await app.register(httpProxy, { upstream, websocket: true, undici: { connections: 512, pipelining: 1 } });
const address = await app.listen({ port: 0, host: '127.0.0.1' });
process.stdout.write(`${new URL(address).port}\n`);
