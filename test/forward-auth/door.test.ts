import { afterEach, describe, expect, it } from 'vitest';
import { IDENTITY_HEADERS } from '../../src/core/forward-headers.ts';
import { valuesOf, type HeaderLine } from '../support/http-message.ts';
import { exchange, RawConnection, requestBytes, type RawAnswer } from '../support/raw-client.ts';
import type { Stage } from '../support/stage.ts';
import { until } from '../support/until.ts';
import { ask, forwarded, KEY, original, READER, startAskedGate } from './asking.ts';

let stage: Stage;
afterEach(() => stage.stop());

const throughTheGate = ({ gate, fixtures }: Stage, headers: readonly HeaderLine[]): Promise<RawAnswer> =>
  exchange(
    gate.port,
    requestBytes({
      method: 'GET',
      target: '/orders',
      headers: [
        ['Host', 'gate.test'],
        ...headers.map(([name, value]): HeaderLine => [name, fixtures.fill(value)]),
      ],
    }),
  );

describe('an answer that lets pass', () => {
  it('has every identity header once, whatever the client has sent', async () => {
    stage = await startAskedGate('{ headers: x-original }');
    const evil = IDENTITY_HEADERS.filter((name) => name !== 'x-request-id').map((name): HeaderLine => [
      name,
      'evil',
    ]);
    for (const headers of [original([KEY, ...evil]), original(evil, { uri: '/health' })]) {
      const answer = await ask(stage, { headers });
      expect(answer.status).toBe(200);
      for (const name of [...IDENTITY_HEADERS, 'authorization', 'x-api-key']) {
        expect(valuesOf(answer, name), name).toHaveLength(1);
      }
      expect(JSON.stringify(answer.headers)).not.toContain('evil');
    }
  });

  it('tells Envoy which headers of the client to take off', async () => {
    stage = await startAskedGate('{ headers: envoy }');
    const headers: HeaderLine[] = [['Host', 'gate.test'], ['X-Forwarded-For', '192.0.2.1'], READER];
    const answer = await ask(stage, { target: '/authorize/orders', headers });
    expect(valuesOf(answer, 'x-envoy-auth-headers-to-remove')).toEqual([
      'X-Workspace-Id,X-Allowed-Mcps,X-Plexgate-Identity,Authorization,X-Api-Key',
    ]);
  });

  it('spends of the limits that the gate itself keeps', async () => {
    stage = await startAskedGate('{ headers: x-original }', { limits: '[3/minute]' });
    const statuses = [
      await ask(stage, { headers: original([KEY]) }),
      await throughTheGate(stage, [KEY]),
      await ask(stage, { headers: original([KEY]) }),
      await throughTheGate(stage, [KEY]),
      await ask(stage, { headers: original([KEY]) }),
    ].map(({ status }) => status);
    expect(statuses).toEqual([200, 200, 200, 429, 429]);
  });

  it('is none any more for a key that has been revoked', async () => {
    stage = await startAskedGate('{ headers: x-forwarded }');
    expect((await ask(stage, { headers: forwarded([KEY]) })).status).toBe(200);
    await stage.fixtures.revoke('S');
    expect((await ask(stage, { headers: forwarded([KEY]) })).status).toBe(401);
  });

  it('holds no concurrency limit, and says so', async () => {
    stage = await startAskedGate('{ headers: x-original }', { limits: '["1 concurrent"]' });
    for (let i = 0; i < 3; i++) expect((await ask(stage, { headers: original([KEY]) })).status).toBe(200);
    expect(stage.gate.logLines.at(-1)).toContain('a concurrency limit holds nothing here');
  });

  it('is refused while others fill a concurrency limit', async () => {
    stage = await startAskedGate('{ headers: x-original }', { limits: '["1 concurrent"]' });
    stage.upstream.answerWith({ status: 200, headers: [], body: '', behaviour: 'is silent' });
    const filling = throughTheGate(stage, [KEY]).catch(() => null);
    await until('the request', () => stage.upstream.requests.length === 1);
    expect((await ask(stage, { headers: original([KEY]) })).status).toBe(429);
    await stage.upstream.stop();
    await filling;
  });

  it('leaves the connection to the next question', async () => {
    stage = await startAskedGate('{ headers: x-original }');
    const connection = await RawConnection.open(stage.gate.forwardAuthPort);
    const lines = original([READER], { method: 'POST' }).map(([name, value]): HeaderLine => [
      name,
      stage.fixtures.fill(value),
    ]);
    const headers: HeaderLine[] = [['Host', 'x'], ['Connection', 'keep-alive'], ...lines];
    for (let i = 0; i < 3; i++) {
      connection.send(requestBytes({ method: 'POST', target: '/authorize', headers }));
      expect((await connection.answer()).status).toBe(403);
    }
    connection.drop();
  });
});

describe('the record of a question', () => {
  it('is that of the original request, in log, metrics, usage and explanation', async () => {
    stage = await startAskedGate('{ headers: x-forwarded }');
    const headers = forwarded([READER, ['X-Request-Id', 'asked-1'], ['User-Agent', 'a client']], {
      method: 'HEAD',
      uri: '/orders?secret=1',
      address: '203.0.113.9, 127.0.0.1',
    });
    expect((await ask(stage, { headers })).status).toBe(200);
    await until('the record', () => stage.gate.logLines.some((line) => line.includes('asked-1')));
    const line = stage.gate.logLines.find((text) => text.includes('asked-1')) ?? '{}';
    expect(JSON.parse(line)).toMatchObject({
      method: 'HEAD',
      path: '/orders',
      address: '203.0.113.9',
      status: 200,
      source: 'gateway',
      route: '/',
      keyId: stage.fixtures.fill('{SRO.id}'),
      userAgent: 'a client',
    });
    expect(await stage.gate.metrics()).toMatch(
      /plexgate_http_requests_total\{route="\/",method="HEAD",code="200",source="gateway"\} 1/,
    );
    const told = await fetch(`http://127.0.0.1:${stage.gate.adminPort}/decisions/asked-1`);
    expect(await told.json()).toMatchObject({
      decisions: [{ outcome: 'allowed', method: 'HEAD', path: '/orders' }],
    });
  });

  it('slows down the address that fails to authenticate, not the proxy', async () => {
    stage = await startAskedGate('{ headers: x-forwarded }');
    const from = (address: string, key: string) =>
      ask(stage, { headers: forwarded([['x-api-key', key]], { address }) });
    for (let i = 0; i < 10; i++) expect((await from('203.0.113.1', '{UNKNOWN}')).status).toBe(401);
    expect((await from('203.0.113.1', '{UNKNOWN}')).status).toBe(429);
    expect((await from('203.0.113.2', '{UNKNOWN}')).status).toBe(401);
  });
});

describe('while it runs', () => {
  it('takes over whom it trusts and what it reads', async () => {
    stage = await startAskedGate('{ headers: x-original }');
    const config = (section: string) =>
      `forwardAuth: ${section}\nkeyService: {}\nproxy: { routes: [{ upstream: '${stage.upstream.origin}' }] }`;
    expect((await ask(stage, { headers: original([KEY]) })).status).toBe(200);
    stage.gate.reconfigure(config('{ headers: x-forwarded }'));
    expect((await ask(stage, { headers: original([KEY]) })).status).toBe(403);
    expect((await ask(stage, { headers: forwarded([KEY]) })).status).toBe(200);
    stage.gate.reconfigure(config('{ headers: x-forwarded, trustedProxies: [10.0.0.1] }'));
    expect((await ask(stage, { headers: forwarded([KEY]) })).status).toBe(403);
  });

  it('answers 503 with Retry-After where nobody can say what a key is', async () => {
    stage = await startAskedGate('{ headers: x-original }');
    stage.gate.keyServiceAnswers(false);
    const answer = await ask(stage, { headers: original([KEY]) });
    expect([answer.status, valuesOf(answer, 'retry-after')]).toEqual([503, ['1']]);
  });
});
