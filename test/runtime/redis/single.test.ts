import { afterAll, beforeAll, describe } from 'vitest';
import { REDIS_RIGHTS } from '../../../src/runtime/redis/rights.ts';
import { startRedis, type RedisServer } from '../../support/redis-servers.ts';
import { describeRedis } from './contract.ts';

describe.each([
  ['one server, RESP2', { protocol: 2 }],
  ['one server, RESP3, with a password', { protocol: 3, password: true }],
  ['one server, RESP2, as a user with no more rights than documented', { protocol: 2, rights: REDIS_RIGHTS }],
  ['one server, RESP3, as a user with no more rights than documented', { protocol: 3, rights: REDIS_RIGHTS }],
  ['one server over TLS with certificates on both sides', { protocol: 3, tls: true }],
] as const)('%s', (_, options) => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis(options);
  });
  afterAll(() => server.stop());
  describeRedis(() => server);
});
