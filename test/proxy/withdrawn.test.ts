import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { KeyRecord } from '../../src/core/key.ts';
import { digestOf, type Digest } from '../../src/core/secret.ts';
import type { Grant, KeySource, News, Renewals } from '../../src/core/wire.ts';
import { startProxy, type RunningProxy } from '../../src/proxy/start.ts';
import { createLog } from '../../src/runtime/log.ts';
import { createMetrics } from '../../src/runtime/metrics.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { recordOf } from '../support/key-record.ts';
import { proxyConfigOf } from '../support/proxy-config.ts';
import { exchange, type RawAnswer } from '../support/raw-client.ts';
import { startTalkingUpstream, type TalkingUpstream } from '../support/talking-upstream.ts';
import { newKey } from './pipeline-gate.ts';

/**
 * A key service whose key changes between the decision and the connection to the upstream: the change is told in the
 * turn of the event loop in which the answer was given, and a connection takes at least one turn more.
 */
class ChangingKey implements KeySource, Renewals {
  readonly digest: Digest;
  asked = 0;
  #record: KeyRecord = recordOf();
  #next: KeyRecord | null;
  #head = 0;
  #tell: () => void = () => undefined;

  constructor(key: string, next: KeyRecord) {
    this.digest = digestOf(key);
    this.#next = next;
  }

  readonly onNews: News = (listener) => {
    this.#tell = listener;
    return () => undefined;
  };

  renew(): Promise<Grant> {
    const changes = [{ number: 1, keyId: this.#record.keyId, ownerId: null, digest: null }];
    const head = this.#head;
    return Promise.resolve({
      epoch: 'e',
      head,
      changes: changes.slice(0, head),
      fenceMs: 2000,
      now: 0,
      redisRun: null,
    });
  }

  resolve() {
    this.asked++;
    const [record, next, asOf] = [this.#record, this.#next, this.#next === null ? 1 : 0];
    if (next !== null) {
      setImmediate(() => {
        [this.#record, this.#next] = [next, null];
        this.#head = 1;
        this.#tell();
      });
    }
    return Promise.resolve({ record, asOf });
  }
}

const lines: Record<string, unknown>[] = [];
let upstream: TalkingUpstream;
let proxy: RunningProxy;

beforeEach(async () => {
  lines.length = 0;
  upstream = await startTalkingUpstream();
});
afterEach(async () => {
  await proxy.stop(0);
  await upstream.stop();
});

/** The gate's answer to a request with a key that becomes `next` while the connection is made. */
async function answerTo(
  start: string,
  next: KeyRecord,
  more = '\r\n',
): Promise<{ answer: RawAnswer; source: ChangingKey }> {
  const key = newKey();
  const source = new ChangingKey(key, next);
  const route = { match: { path: '/' }, profile: 'plexe', upstream: upstream.origin };
  const text = JSON.stringify({ proxy: { host: '127.0.0.1', port: 0, routes: [route] }, keyService: {} });
  proxy = await startProxy({
    version: 'test',
    config: proxyConfigOf(text),
    source,
    renewals: source,
    news: source.onNews,
    redis: null,
    limits: null,
    reports: { report: () => Promise.resolve() },
    keyService: null,
    echoOrigin: null,
    clock: new FakeClock(),
    metrics: createMetrics({ version: 'test', revision: 'test' }),
    log: createLog('info', { write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) }),
  });
  const bytes = `${start} HTTP/1.1\r\nHost: gate.test\r\nx-api-key: ${key}\r\n${more}`;
  return { answer: await exchange(proxy.port, bytes), source };
}

const UPGRADE =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';

describe('a key that is revoked while the connection to the upstream is made', () => {
  it.each([
    ['a GET', 'GET /x', '\r\n'],
    ['a POST with a body', 'POST /x', 'Content-Length: 4\r\n\r\nbody'],
    ['a POST in chunks', 'POST /x', 'Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n'],
    ['an upgrade', 'GET /x', UPGRADE],
  ])('lets not a byte of %s through', async (_, start, more) => {
    const { answer, source } = await answerTo(start, recordOf({ revokedAt: 1 }), more);
    expect(answer.status).toBe(401);
    expect(JSON.parse(answer.body.toString())).toMatchObject({ error: { code: 'revoked_key' } });
    expect(upstream.received.join('')).toBe('');
    expect(upstream.calls).toEqual([]);
    expect(source.asked).toBe(2);
    expect(lines.filter(({ msg }) => msg === 'request')).toMatchObject([
      { status: 401, source: 'gateway', reason: 'revoked_key', keyId: 'key-1' },
    ]);
  });

  it('was in use: the connection had been made', async () => {
    await answerTo('GET /x', recordOf({ revokedAt: 1 }));
    expect(upstream.received).toEqual(['']);
  });
});

describe('a key that changes in another way meanwhile', () => {
  it('is judged by what it is now', async () => {
    const { answer } = await answerTo(
      'POST /x',
      recordOf({ permission: 'read_only' }),
      'Content-Length: 4\r\n\r\nbody',
    );
    expect(answer.status).toBe(403);
    expect(upstream.received.join('')).toBe('');
  });

  it('and is still good is served, body and all, with the identity it has now', async () => {
    const { answer } = await answerTo(
      'POST /x',
      recordOf({ owner: { tier: 'pro' } }),
      'Content-Length: 4\r\n\r\nbody',
    );
    expect(answer.status).toBe(200);
    expect(upstream.calls.map((call) => call.body())).toEqual(['body']);
    expect(upstream.received.join('')).toContain('X-Tier: pro\r\n');
    expect(lines.filter(({ msg }) => msg === 'request')).toHaveLength(1);
  });
});
