import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Server } from 'node:http';
import { effectiveConfig } from '../../src/config/effective.ts';
import { parseConfig } from '../../src/config/load.ts';
import { createAdminServer } from '../../src/runtime/admin.ts';
import { closeServer, listen } from '../../src/runtime/listen.ts';
import { createMetrics } from '../../src/runtime/metrics.ts';
import { valuesOf } from '../support/http-message.ts';
import { exchange, requestBytes, type RawAnswer } from '../support/raw-client.ts';

const SECRETS = ['ADMIN', 'KS_ADMIN', 'KS_SERVICE', 'KS_SERVICE_OLD', 'PEPPER', 'UPSTREAM'] as const;
const ENV = Object.fromEntries(SECRETS.map((name) => [name, randomBytes(24).toString('hex')]));
const CONFIG = `
admin: { token: '\${ADMIN}' }
proxy:
  routes:
    - match: { path: / }
      profile: standard
      upstream: http://127.0.0.1:1
      credential: { header: Authorization, scheme: Bearer, value: '\${UPSTREAM}' }
keyService:
  adminToken: '\${KS_ADMIN}'
  serviceToken: ['\${KS_SERVICE}', '\${KS_SERVICE_OLD}']
  peppers: { current: p1, p1: '\${PEPPER}' }
`;

const JWKS = { keys: [{ kty: 'OKP', kid: 'one' }] };

let server: Server;
let port: number;
let ready: boolean;
let configBreaks: boolean;

beforeEach(async () => {
  ready = true;
  configBreaks = false;
  const parsed = parseConfig(CONFIG, {
    fileName: 'test.yaml',
    env: ENV,
    readFile: () => ({ kind: 'unreadable', why: 'tests read no files' }),
  });
  if (parsed.kind === 'mistakes') throw new Error(JSON.stringify(parsed.mistakes));
  server = createAdminServer({
    token: () => parsed.config.admin.token,
    metrics: createMetrics({ version: '1.2.3', revision: 'abc' }),
    isReady: () => ready,
    effectiveConfig: () => {
      if (configBreaks) throw new Error(`a defect with ${ENV['ADMIN']}`);
      return effectiveConfig(parsed.config);
    },
    members: () => ({ id: 'm1' }),
    jwks: () => JWKS,
    decisions: () => [],
  });
  port = await listen(server, '127.0.0.1', 0);
});
afterEach(() => closeServer(server, 0));

function ask(method: string, target: string, body = ''): Promise<RawAnswer> {
  return exchange(port, requestBytes({ method, target, headers: [['Host', 'a']], body }));
}

function headerOf(answer: RawAnswer, name: string): string {
  return valuesOf(answer, name).join(' and ');
}

describe('the admin port', () => {
  it('says that the process lives', async () => {
    expect(await ask('GET', '/livez')).toMatchObject({ status: 200, body: Buffer.from('ok\n') });
    ready = false;
    expect((await ask('GET', '/livez')).status).toBe(200);
  });

  it('says whether the process is ready', async () => {
    expect((await ask('GET', '/readyz')).status).toBe(200);
    ready = false;
    expect((await ask('GET', '/readyz')).status).toBe(503);
  });

  it('answers with the metrics, query or not', async () => {
    const answer = await ask('GET', '/metrics?name[]=up');
    expect(headerOf(answer, 'content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(answer.body.toString()).toContain('plexgate_build_info{version="1.2.3",revision="abc",');
  });

  it('shows the configuration in force with every secret masked', async () => {
    const answer = await ask('GET', '/config');
    expect(answer.status).toBe(200);
    const text = answer.body.toString();
    expect(JSON.parse(text)).toMatchObject({
      admin: { port: 9090, token: '[redacted]' },
      proxy: { routes: [{ credential: { header: 'Authorization', value: '[redacted]' } }] },
      keyService: {
        serviceToken: ['[redacted]', '[redacted]'],
        peppers: { current: 'p1', p1: '[redacted]' },
      },
    });
    for (const name of SECRETS) expect(text, name).not.toContain(ENV[name]);
  });

  it('answers with the public keys of signed assertions', async () => {
    const answer = await ask('GET', '/jwks');
    expect([answer.status, headerOf(answer, 'content-type')]).toEqual([200, 'application/jwk-set+json']);
    expect(JSON.parse(answer.body.toString())).toEqual(JWKS);
  });

  it.each(['/livez', '/readyz', '/metrics', '/jwks', '/config', '/nothing'])(
    'answers HEAD %s like GET without a body',
    async (path) => {
      const [head, get] = [await ask('HEAD', path), await ask('GET', path)];
      expect(head.status).toBe(get.status);
      expect(head.body).toHaveLength(0);
      expect(headerOf(head, 'content-type')).toBe(headerOf(get, 'content-type'));
      if (path !== '/metrics') expect(headerOf(head, 'content-length')).toBe(String(get.body.length));
    },
  );

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE'])(
    'answers %s with 405 and what it allows',
    async (method) => {
      for (const path of ['/config', '/nothing']) {
        const answer = await ask(method, path);
        expect([answer.status, headerOf(answer, 'allow')]).toEqual([405, 'GET, HEAD']);
      }
    },
  );

  it.each(['/', '/nothing', '/config/', '//config', '/livez/x', '/CONFIG', '/%63onfig'])(
    'knows no %s',
    async (path) => {
      expect((await ask('GET', path)).status).toBe(404);
    },
  );

  it('lets nothing be stored but public keys', async () => {
    for (const path of ['/livez', '/metrics', '/config', '/nothing']) {
      expect(headerOf(await ask('GET', path), 'cache-control'), path).toBe('no-store');
    }
  });

  it('tells nothing of a defect of its own', async () => {
    configBreaks = true;
    expect(await ask('GET', '/config')).toMatchObject({ status: 500, body: Buffer.from('internal error\n') });
  });
});
