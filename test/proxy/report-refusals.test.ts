import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Reporter } from '../../src/proxy/reporter.ts';
import { RecordingSink } from '../support/report-sink.ts';

const NOON = Date.UTC(2026, 7, 1, 12);

let sink: RecordingSink;
let reporter: Reporter;
let now: number;

beforeEach(() => {
  sink = new RecordingSink();
  now = NOON;
  reporter = new Reporter({
    member: 'gate-1',
    sink,
    clock: { now: () => now, monotonic: () => now - NOON },
    events: { sent: () => undefined, lost: () => undefined, dropped: () => undefined },
    everyMs: 3_600_000,
  });
});
afterEach(() => reporter.stop());

function refuse(about: Partial<Parameters<Reporter['refused']>[0]> = {}): void {
  reporter.refused({
    requestId: 'req_1',
    reason: 'unknown_key',
    keyId: null,
    ownerId: null,
    address: '192.0.2.1',
    userAgent: null,
    method: 'GET',
    path: '/models',
    route: '/',
    ...about,
  });
}

const failing = async () => {
  throw new Error('the key service is away');
};

describe('refused authentications', () => {
  it('are rows, a hundred at once, and beyond that counts by reason, route and address', async () => {
    for (let i = 0; i < 110; i++) refuse({ requestId: `req_${i}` });
    now += 1000;
    refuse({ address: '192.0.2.2' });
    refuse({ reason: 'missing_credential', route: null });
    refuse();
    await reporter.flush();
    expect(sink.refusals).toHaveLength(100);
    expect(sink.refusals[99]).toMatchObject({ at: NOON, requestId: 'req_99', reason: 'unknown_key' });
    const unknown = { reason: 'unknown_key', route: '/' };
    expect(sink.suppressed).toEqual([
      { ...unknown, address: '192.0.2.1', count: 11, firstAt: NOON, lastAt: now },
      { ...unknown, address: '192.0.2.2', count: 1, firstAt: now, lastAt: now },
      {
        reason: 'missing_credential',
        route: null,
        address: '192.0.2.1',
        count: 1,
        firstAt: now,
        lastAt: now,
      },
    ]);
  });

  it('are rows again at twenty a second', async () => {
    for (let second = 0; second < 60; second++) {
      for (let i = 0; i < 25; i++) refuse();
      now += 1000;
      await reporter.flush();
    }
    // A hundred in any five seconds: twelve times in a minute.
    expect(sink.refusals).toHaveLength(1200);
    expect(sink.suppressed.reduce((sum, { count }) => sum + count, 0)).toBe(300);
  });

  it('from more addresses than fit are counted by reason alone', async () => {
    for (let i = 0; i < 1000; i++) refuse({ address: `2001:db8::${i.toString(16)}` });
    refuse({ reason: 'revoked_key' });
    await reporter.flush();
    expect(sink.suppressed).toHaveLength(302);
    expect(sink.suppressed.slice(300)).toMatchObject([
      { reason: 'unknown_key', route: null, address: '*', count: 600 },
      { reason: 'revoked_key', route: null, address: '*', count: 1 },
    ]);
  });

  it('cost no more memory while nobody takes reports', async () => {
    sink.answer = failing;
    for (let round = 0; round < 50; round++) {
      for (let i = 0; i < 400; i++) refuse({ address: `2001:db8::${i.toString(16)}` });
      now += 5000;
      await reporter.flush();
    }
    expect(reporter.pending).toBeLessThan(3000);
    sink.answer = async () => undefined;
    await reporter.stop();
    const rows = sink.refusals.length + sink.suppressed.reduce((sum, { count }) => sum + count, 0);
    expect(rows).toBe(20_000);
  });
});
