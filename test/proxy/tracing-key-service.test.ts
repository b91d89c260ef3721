import { randomBytes } from 'node:crypto';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { TracingConfig } from '../../src/config/config.ts';
import { Secret } from '../../src/core/secret.ts';
import { KeyService } from '../../src/key-service/keys.ts';
import { createKeyServer } from '../../src/key-service/server.ts';
import { openSqliteStore } from '../../src/key-service/store/sqlite.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { startTraced } from '../support/traced.ts';
import { until } from '../support/until.ts';
import { startOwnGate } from '../contracts/own-gate.ts';

const silentLog = { info: () => undefined, warn: () => undefined, error: () => undefined };
const PARENT = 'b7ad6b7169203331';

/** A gate and the key service of another process, both traced. */
async function startBoth(config: Partial<TracingConfig> = {}) {
  const traced = await startTraced(config);
  const [token, adminToken] = [randomBytes(16), randomBytes(16)].map((it) => new Secret(it.toString('hex')));
  if (token === undefined || adminToken === undefined) throw new Error('there are two');
  const store = await openSqliteStore(':memory:');
  const service = new KeyService({
    store,
    clock: systemClock,
    log: silentLog,
    peppers: { current: 'p1', secrets: new Map([['p1', new Secret(randomBytes(32).toString('hex'))]]) },
    randomBytes,
    redis: null,
  });
  const { tracing } = traced;
  const server = createKeyServer({
    service,
    adminTokens: [adminToken],
    serviceTokens: [token],
    log: silentLog,
    tracing,
  });
  const origin = `http://127.0.0.1:${await server.listen({ host: '127.0.0.1', port: 0 })}`;
  const gate = await startOwnGate({ origin, token, tracing });
  onTestFinished(async () => {
    await gate.stop();
    await server.close();
    await store.close();
    await traced.stop();
  });
  const call = async (path: string, given: Secret, traceId: string): Promise<number> => {
    const headers = {
      authorization: `Bearer ${given.reveal()}`,
      traceparent: `00-${traceId}-${PARENT}-01`,
    };
    return (await fetch(origin + path, { headers })).status;
  };
  return { traced, gate, call, token, adminToken };
}

const newTrace = (): string => randomBytes(16).toString('hex');

describe('the key service', () => {
  it('has a span under that of the gate which asks it, and none for what gates ask for themselves', async () => {
    const { traced, gate } = await startBoth();
    expect(await gate.status(new Secret('somebody-elses-key'))).toBe(401);
    const { spans } = traced.collector;
    await until('its span', () => spans.some(({ name }) => name === 'POST /v1/keys/resolve'));
    await until('the span of the request', () => spans.some(({ name }) => name === 'GET /'));
    const asked = spans.find(({ name }) => name === 'POST /v1/keys/resolve');
    const asking = spans.find(({ name }) => name === 'ask key service');
    expect(asked).toMatchObject({
      kind: 'server',
      parentSpanId: asking?.spanId,
      traceId: asking?.traceId,
      failed: false,
      attributes: {
        'http.request.method': 'POST',
        'http.route': '/v1/keys/resolve',
        'http.response.status_code': 404,
      },
    });
    // The gate has renewed what it knows by then, and reported.
    await gate.stop();
    await traced.tracing.close();
    expect(spans.filter(({ name }) => /renew|reports/.test(name))).toEqual([]);
  });

  it.each([
    ['any', true],
    ['none', false],
    ['trusted', false],
  ] as const)(
    'continues the trace of an admin call where callers are %s: %j',
    async (callers, isContinued) => {
      const { traced, call, adminToken } = await startBoth({ callers });
      const traceId = newTrace();
      expect(await call('/admin/v1/keys/key_of_nobody', adminToken, traceId)).toBe(404);
      const { spans } = traced.collector;
      await until('its span', () => spans.some(({ name }) => name === 'GET /admin/v1/keys/:id'));
      const span = spans.find(({ name }) => name === 'GET /admin/v1/keys/:id');
      expect([span?.traceId === traceId, span?.parentSpanId]).toEqual([
        isContinued,
        isContinued ? PARENT : '',
      ]);
    },
  );
});
