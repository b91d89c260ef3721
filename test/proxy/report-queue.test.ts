import * as fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Report, UsageDelta } from '../../src/core/wire.ts';
import { KeyServiceError } from '../../src/proxy/keys/service-error.ts';
import { ReportQueue, type Dropped } from '../../src/proxy/report-queue.ts';
import { gaugesSample } from '../support/gauges-sample.ts';

/** What the sink says to a report: it counts it, counts it and says nothing, or answers with a status. */
type Word = 'takes' | 'takes unheard' | number;

let words: (report: Report) => Word;
/** What was counted, each number once, as the key service does it. */
let taken: Map<number, Report>;
let calls: Report[];
let dropped: Dropped[];
let sequence: number;
let queue: ReportQueue;

beforeEach(() => {
  words = () => 'takes';
  [taken, calls, dropped, sequence] = [new Map(), [], [], 0];
  queue = new ReportQueue({
    sink: {
      async report(report) {
        calls.push(report);
        const word = words(report);
        if (typeof word === 'number') throw new KeyServiceError(word, `answered ${word}`);
        if (!taken.has(report.sequence)) taken.set(report.sequence, report);
        if (word === 'takes unheard') throw new KeyServiceError(null, 'did not answer');
      },
    },
    deadlineMs: 1000,
    nextSequence: () => ++sequence,
    sent: () => undefined,
    dropped: (what) => dropped.push(what),
  });
});

function usage(keyId: string, count = 1): UsageDelta {
  return { keyId, route: '/', statusClass: '2xx', hourAt: 0, count, lastAt: 1 };
}

function add(keyIds: readonly string[], more: Partial<Report> = {}): void {
  const about = { member: 'gate-1', refusals: [], suppressed: [] };
  queue.add({ ...about, sequence: ++sequence, usage: keyIds.map((id) => usage(id, 10)), ...more });
}

const countedKeys = () =>
  [...taken.values()].flatMap((report) => report.usage.map(({ keyId }) => keyId)).toSorted();
const has = (report: Report, keyId: string): boolean => report.usage.some((delta) => delta.keyId === keyId);

describe('a report that the key service refuses for good', () => {
  it.for([400, 413, 422])(
    'with %d is made smaller until what it refuses is alone, and that is dropped',
    async (status) => {
      const keyIds = Array.from({ length: 50 }, (_, i) => `k${i}`);
      words = (report) => (has(report, 'k17') ? status : 'takes');
      add(keyIds);
      add(['later']);
      expect(await queue.deliver()).toBe(true);
      expect(countedKeys()).toEqual([...keyIds.filter((id) => id !== 'k17'), 'later'].toSorted());
      expect(dropped).toEqual([{ requests: 10, refusals: 0, why: 'the key service refuses the report' }]);
      expect(queue.pending).toBe(0);
    },
  );

  it('for its gauges goes without them, under its number', async () => {
    words = ({ gauges }) => (gauges === undefined ? 'takes' : 400);
    add(['k1'], { gauges: gaugesSample() });
    add([], { gauges: gaugesSample() });
    expect(await queue.deliver()).toBe(true);
    expect(calls.map((call) => [call.sequence, call.gauges !== undefined])).toEqual([
      [1, true],
      [1, false],
      [2, true],
    ]);
    expect([countedKeys(), dropped]).toEqual([['k1'], []]);
  });

  it('loses no rows beside the one that is refused, and counts what is lost of the audit', async () => {
    const row = { at: 1, requestId: 'r', keyId: null, ownerId: null, userAgent: null, method: 'GET' };
    const place = { address: '::1', path: '/', route: null };
    const suppressed = { reason: 'bad', route: null, address: '::1', count: 7, firstAt: 1, lastAt: 2 };
    words = (report) => (report.suppressed.length > 0 ? 400 : 'takes');
    add(['k1'], { refusals: [{ ...row, ...place, reason: 'good' }], suppressed: [suppressed] });
    await queue.deliver();
    expect([...taken.values()].flatMap(({ refusals }) => refusals)).toHaveLength(1);
    expect(countedKeys()).toEqual(['k1']);
    expect(dropped).toMatchObject([{ requests: 0, refusals: 7 }]);
  });

  it('is dropped as a whole where an attempt before may have been counted: no part is counted twice', async () => {
    add(['k1', 'k2']);
    words = () => 'takes unheard';
    expect(await queue.deliver()).toBe(false);
    words = () => 400;
    expect(await queue.deliver()).toBe(true);
    expect(dropped).toMatchObject([{ requests: 20 }]);
    expect([...taken.keys()]).toEqual([1]);
  });

  it('storms nobody: what is refused again and again waits for the next delivery', async () => {
    words = () => 400;
    add(Array.from({ length: 100 }, (_, i) => `k${i}`));
    expect(await queue.deliver()).toBe(false);
    expect(calls).toHaveLength(32);
    const waited = queue.pending;
    expect(waited).toBeGreaterThan(0);
    words = () => 'takes';
    expect(await queue.deliver()).toBe(true);
    const lost = dropped.reduce((sum, { requests }) => sum + requests, 0) / 10;
    expect(countedKeys()).toHaveLength(100 - lost);
    expect(waited).toBe(100 - lost);
  });
});

it.for([401, 403, 404, 429, 500, 503])('a report that is answered with %d waits as it is', async (status) => {
  words = () => status;
  add(['k1', 'k2']);
  expect(await queue.deliver()).toBe(false);
  words = () => 'takes';
  expect(await queue.deliver()).toBe(true);
  expect(calls[1]).toEqual(calls[0]);
});

it('whatever the key service says, each request is counted at most once, and counted or told to be lost', async () => {
  const word = fc.constantFrom<Word>('takes', 'takes', 'takes unheard', 400, 413, 503);
  const sizes = fc.array(fc.nat(6), { minLength: 1, maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(fc.array(word, { maxLength: 60 }), sizes, async (said, reports) => {
      [taken, calls, dropped, sequence] = [new Map(), [], [], 0];
      words = () => said.shift() ?? 'takes';
      let keys = 0;
      for (const size of reports) add(Array.from({ length: size }, () => `k${keys++}`));
      while (!(await queue.deliver()));
      const counted = countedKeys();
      expect(new Set(counted).size).toBe(counted.length);
      const lost = dropped.reduce((sum, { requests }) => sum + requests, 0) / 10;
      expect(counted.length + lost).toBeGreaterThanOrEqual(keys);
      if (dropped.length === 0) expect(counted).toHaveLength(keys);
    }),
  );
});

it('what is given up is told once', async () => {
  words = () => 503;
  add(['k1', 'k2']);
  await queue.deliver();
  queue.abandon('the end');
  queue.abandon('the end');
  expect(dropped).toEqual([{ requests: 20, refusals: 0, why: 'the end' }]);
  expect(queue.pending).toBe(0);
});
