import { setTimeout as pause } from 'node:timers/promises';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Reporter, type ReporterOptions } from '../../src/proxy/reporter.ts';
import { gaugesSample } from '../support/gauges-sample.ts';
import { RecordingSink } from '../support/report-sink.ts';
import { until } from '../support/until.ts';

const NOON = Date.UTC(2026, 7, 1, 12);
const MINUTE_MS = 60_000;

let sink: RecordingSink;
let reporter: Reporter;
let now: number;
let outcomes: string[];

beforeEach(() => {
  sink = new RecordingSink();
  now = NOON;
  outcomes = [];
  reporter = start({ everyMs: 3_600_000 });
});
afterEach(() => reporter.stop());

function start(more: Partial<ReporterOptions>): Reporter {
  return new Reporter({
    member: 'gate-1',
    sink,
    clock: { now: () => now, monotonic: () => now - NOON },
    events: {
      sent: (result) => outcomes.push(result),
      lost: () => outcomes.push('lost'),
      dropped: ({ requests, refusals }) => outcomes.push(`dropped ${requests} and ${refusals}`),
    },
    ...more,
  });
}

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

describe('usage', () => {
  it('is one count for each key, route, status class and UTC hour, with the moment of the latest', async () => {
    now = NOON + 59 * MINUTE_MS;
    reporter.answered('k1', '/', 200);
    now += 1000;
    reporter.answered('k1', '/', 204);
    reporter.answered('k1', '/', 101);
    reporter.answered('k1', '/', 304);
    reporter.answered('k1', '/', 404);
    reporter.answered('k1', '/', 503);
    reporter.answered('k1', '/files', 200);
    reporter.answered('k2', '/', 200);
    now = NOON + 60 * MINUTE_MS;
    reporter.answered('k1', '/', 200);
    await reporter.flush();
    const written = sink.usage.map((delta) => [
      delta.keyId,
      delta.route,
      delta.statusClass,
      (delta.hourAt - NOON) / MINUTE_MS,
      delta.count,
      (delta.lastAt - NOON) / 1000,
    ]);
    expect(written).toEqual([
      ['k1', '/', '2xx', 0, 2, 3541],
      ['k1', '/', '1xx', 0, 1, 3541],
      ['k1', '/', '3xx', 0, 1, 3541],
      ['k1', '/', '4xx', 0, 1, 3541],
      ['k1', '/', '5xx', 0, 1, 3541],
      ['k1', '/files', '2xx', 0, 1, 3541],
      ['k2', '/', '2xx', 0, 1, 3541],
      ['k1', '/', '2xx', 60, 1, 3600],
    ]);
  });

  it('of many keys travels in reports of a bounded size, each key once', async () => {
    for (let i = 0; i < 2500; i++) reporter.answered(`k${i}`, '/', 200);
    refuse();
    await reporter.flush();
    expect(sink.refusals).toHaveLength(1);
    expect(sink.calls.map(({ usage }) => usage.length)).toEqual([1000, 1000, 500]);
    expect(new Set(sink.usage.map(({ keyId }) => keyId)).size).toBe(2500);
  });

  it('that finds no room is counted as lost, and what is known goes on being counted', async () => {
    sink.answer = failing;
    for (let i = 0; i < 100_001; i++) reporter.answered(`k${i}`, '/', 200);
    reporter.answered('k0', '/', 200);
    expect(outcomes).toEqual(['lost']);
    expect(reporter.pending).toBe(100_000);
    sink.answer = async () => undefined;
    await reporter.flush();
    expect(sink.usage.find(({ keyId }) => keyId === 'k0')?.count).toBe(2);
  });
});

describe('a report', () => {
  it('is not made where there is nothing to say', async () => {
    await reporter.flush();
    expect(sink.calls).toEqual([]);
  });

  it('carries the member and the next number', async () => {
    for (let i = 0; i < 3; i++) {
      reporter.answered('k1', '/', 200);
      await reporter.flush();
    }
    expect(sink.calls.map(({ member, sequence }) => [member, sequence])).toEqual([
      ['gate-1', 1],
      ['gate-1', 2],
      ['gate-1', 3],
    ]);
  });

  it('that failed is sent again as it was, before anything newer', async () => {
    sink.answer = failing;
    reporter.answered('k1', '/', 200);
    refuse();
    await reporter.flush();
    expect(outcomes).toEqual(['error']);
    reporter.answered('k1', '/', 200);
    refuse({ requestId: 'req_2' });
    await reporter.flush();
    expect(reporter.pending).toBe(4);
    sink.answer = async () => undefined;
    await reporter.flush();
    expect(sink.calls.map(({ sequence }) => sequence)).toEqual([1, 1, 1, 2]);
    expect(sink.calls[1]).toEqual(sink.calls[0]);
    expect(sink.calls[2]).toEqual(sink.calls[0]);
    expect(sink.calls[3]?.usage.map(({ count }) => count)).toEqual([1]);
    expect(sink.calls[3]?.refusals.map(({ requestId }) => requestId)).toEqual(['req_2']);
    expect([outcomes, reporter.pending]).toEqual([['error', 'error', 'ok', 'ok'], 0]);
  });

  it('without an answer counts as failed after its deadline, and a late answer changes nothing', async () => {
    reporter = start({ everyMs: 3_600_000, deadlineMs: 20 });
    const late = Promise.withResolvers<void>();
    sink.answer = () => late.promise;
    reporter.answered('k1', '/', 200);
    await reporter.flush();
    expect([outcomes, reporter.pending]).toEqual([['error'], 1]);
    late.reject(new Error('too late'));
    sink.answer = async () => undefined;
    await reporter.flush();
    expect(sink.calls.map(({ sequence }) => sequence)).toEqual([1, 1]);
  });

  it('goes out by itself from time to time', async () => {
    reporter = start({ everyMs: 20 });
    reporter.answered('k1', '/', 200);
    const deadline = Date.now() + 2000;
    while (sink.calls.length === 0 && Date.now() < deadline) await pause(5);
    expect(sink.usage).toHaveLength(1);
  });
});

describe('gauges', () => {
  let inFlight: number;
  beforeEach(async () => {
    await reporter.stop();
    inFlight = 0;
    reporter = start({ everyMs: 20, gauges: () => gaugesSample({ inFlight: ++inFlight }) });
  });
  const told = () => sink.calls.map(({ gauges }) => gauges?.inFlight);

  it('go out from time to time, also where nothing was counted, and take a number', async () => {
    await until('three reports', () => sink.calls.length > 2);
    expect(told().slice(0, 3)).toEqual([1, 2, 3]);
    expect(sink.calls.slice(0, 3).map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
    expect(reporter.pending).toBe(0);
  });

  it('go with the first of many reports, and with none that is flushed between', async () => {
    await reporter.stop();
    sink.calls.length = 0;
    reporter = start({ everyMs: 3_600_000, gauges: () => gaugesSample() });
    reporter.answered('k1', '/', 200);
    await reporter.flush();
    for (let i = 0; i < 1001; i++) reporter.answered(`k${i}`, '/', 200);
    await reporter.stop();
    expect(sink.calls.map(({ gauges }) => gauges !== undefined)).toEqual([false, true, false]);
  });

  it('are those of when they are sent, not of when the key service went away', async () => {
    sink.answer = failing;
    await until('four attempts', () => sink.calls.length > 3);
    expect(new Set(told())).toEqual(new Set([1]));
    expect(inFlight).toBe(1);
    sink.answer = async () => undefined;
    await until('newer gauges', () => told().at(-1) === 2);
  });
});

describe('flush', () => {
  it('waits for what was counted before it, also while an earlier report is under way', async () => {
    const first = Promise.withResolvers<void>();
    sink.answer = () => first.promise;
    reporter.answered('k1', '/', 200);
    const under = reporter.flush();
    while (sink.calls.length === 0) await pause(1);
    reporter.answered('k1', '/', 200);
    sink.answer = async () => undefined;
    const after = Promise.all([reporter.flush(), reporter.flush()]);
    first.resolve();
    await after;
    await under;
    expect(sink.calls.map(({ usage }) => usage[0]?.count)).toEqual([1, 1]);
  });

  it('ends although new requests are counted all the time', async () => {
    sink.answer = async () => {
      reporter.answered('k1', '/', 200);
    };
    reporter.answered('k1', '/', 200);
    await reporter.flush();
    expect(sink.calls).toHaveLength(1);
    sink.answer = async () => undefined;
  });

  it('is never rejected', async () => {
    sink.answer = failing;
    reporter.answered('k1', '/', 200);
    await expect(reporter.flush()).resolves.toBeUndefined();
    sink.answer = async () => undefined;
  });

  it('neither loses nor doubles a request, however sink and traffic interleave', async () => {
    const events = fc.array(fc.constantFrom('count', 'flush', 'flush and wait', 'fail', 'work', 'breathe'));
    await fc.assert(
      fc.asyncProperty(events, async (sequence) => {
        sink = new RecordingSink();
        const taken = new Map<number, number>();
        reporter = start({ everyMs: 3_600_000 });
        let [counted, working] = [0, true];
        sink.answer = async () => {
          const last = sink.calls.at(-1);
          await Promise.resolve();
          // A failure whose report was taken all the same: the answer got lost.
          taken.set(last?.sequence ?? 0, last?.usage[0]?.count ?? 0);
          if (!working) throw new Error('no answer');
        };
        for (const event of sequence) {
          if (event === 'count') {
            reporter.answered('k1', '/', 200);
            counted++;
          } else if (event === 'flush') void reporter.flush();
          else if (event === 'flush and wait') await reporter.flush();
          else if (event === 'breathe') await Promise.resolve();
          else working = event === 'work';
        }
        working = true;
        await reporter.stop();
        expect([...taken.values()].reduce((sum, count) => sum + count, 0)).toBe(counted);
        expect([...taken.keys()]).toEqual([...taken.keys()].map((_, i) => i + 1));
      }),
    );
  });
});

describe('stop', () => {
  it('reports what is left, also where the first attempt fails', async () => {
    let attempts = 0;
    sink.answer = async () => {
      if (++attempts === 1) throw new Error('not yet');
    };
    reporter.answered('k1', '/', 200);
    await reporter.stop(10_000);
    expect([outcomes, reporter.pending]).toEqual([['error', 'ok'], 0]);
  });

  it('gives up in the end, and says what is lost', async () => {
    sink.answer = failing;
    for (let i = 0; i < 3; i++) reporter.answered('k1', '/', 200);
    await reporter.flush();
    for (let i = 0; i < 4; i++) reporter.answered('k2', '/', 500);
    refuse();
    await reporter.stop(300);
    expect(outcomes.filter((one) => one === 'error').length).toBeGreaterThan(1);
    expect([outcomes.at(-1), reporter.pending]).toEqual(['dropped 7 and 1', 0]);
  });
});
