import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { LimitOutcome, LimitState } from '../../src/core/limit.ts';
import type { Spending } from '../../src/proxy/limiter/limiter.ts';
import { AcceptanceLog, type OpenPage } from './acceptance-log.ts';
import { obedienceContract } from './limiter-obedience.contract.ts';
import { spending, type LimiterStage, type MakeLimiter } from './limiter.stage.ts';

/** Whole milliseconds, because a limiter elsewhere may count in them. Waits lie at and beside every boundary. */
const WAITS = [
  0, 1, 7, 15, 16, 100, 499, 500, 999, 1000, 1001, 5000, 9999, 10_000, 10_156, 60_000, 86_400_000,
];
const LIMITS = [
  '1/second',
  '3/second',
  '2/second 9/10s',
  '64/10s',
  '65/10s',
  '100/10s',
  '40/minute',
  '300/minute',
];
const REQUESTS = [['owner:a'], ['owner:b'], ['owner:a', 'key:k'], ['owner:b', 'key:k'], ['key:k']];

interface Step {
  /** `obey`: as long as the last refusal said; `disobey`: a millisecond less. */
  readonly wait: number | 'obey' | 'disobey';
  readonly request: number;
  readonly times: number;
  /** Limits that a partition has from here on. */
  readonly change: { readonly partition: string; readonly limits: string } | null;
}

const partition = fc.constantFrom('owner:a', 'owner:b', 'key:k');
const step: fc.Arbitrary<Step> = fc.record({
  wait: fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...WAITS) },
    { weight: 3, arbitrary: fc.integer({ min: 0, max: 1500 }) },
    fc.constant('obey' as const),
    fc.constant('disobey' as const),
  ),
  request: fc.nat({ max: REQUESTS.length - 1 }),
  times: fc.oneof({ weight: 4, arbitrary: fc.integer({ min: 1, max: 5 }) }, fc.integer({ min: 1, max: 110 })),
  change: fc.option(fc.record({ partition, limits: fc.constantFrom(...LIMITS) }), { freq: 8 }),
});
/** Where they run beside much else. */
const PATIENCE_MS = 600_000;
const histories = fc.array(step, { minLength: 1, maxLength: 40 });

/** What every limiter must do, whatever it keeps its books in. */
export function limiterContract(name: string, makeLimiter: MakeLimiter): void {
  describe(`${name} as a limiter`, () => {
    let stage: LimiterStage;

    beforeEach(async () => {
      stage = await makeLimiter();
    });
    afterEach(async () => {
      await stage.close?.();
    });

    const take = async (...texts: string[]): Promise<LimitOutcome> => stage.limiter.take(texts.map(spending));

    test(
      'lets no more than the quota into any window',
      async () => {
        const fixed = histories.map((steps) => steps.map((one) => ({ ...one, change: null })));
        await fc.assert(
          fc.asyncProperty(fixed, async (steps) => {
            const log: { at: number; spendings: readonly Spending[] }[] = [];
            await play(makeLimiter, steps, (spendings, outcome, now) => {
              if (outcome.allowed) log.push({ at: now, spendings });
            });
            for (const { partition, limits } of Object.values(STARTING)) {
              const instants = log
                .filter((one) => one.spendings.some((spent) => spent.partition === partition))
                .map(({ at }) => at);
              for (const { quota, windowMs } of limits) {
                for (let i = 0; i + quota < instants.length; i++) {
                  expect((instants[i + quota] ?? 0) - (instants[i] ?? 0)).toBeGreaterThanOrEqual(windowMs);
                }
              }
            }
          }),
          { numRuns: 100 },
        );
      },
      PATIENCE_MS,
    );

    test(
      'agrees with a log of every acceptance, whatever the limits change to: all or nothing, refusals free',
      async () => {
        await fc.assert(
          fc.asyncProperty(histories, async (steps) => {
            const log = new AcceptanceLog();
            // Limits change when they are asked for; the outcome may come a moment later.
            const asked = (spendings: readonly Spending[], now: number): void =>
              void log.open(spendings, now);
            const seen: Seen = (spendings, outcome, now, stage) => {
              expectAgreement(outcome, log.open(spendings, now), () => log.open(spendings, now), stage);
            };
            await play(makeLimiter, steps, seen, asked);
          }),
          { numRuns: 150 },
        );
      },
      PATIENCE_MS,
    );

    test('moves no counter when one of several limits refuses', async () => {
      expect((await take('owner:a 3/minute', 'key:k 1/minute')).allowed).toBe(true);
      const refused = await take('owner:a 3/minute', 'key:k 1/minute');
      expect(refused).toMatchObject({ allowed: false, states: [{ remaining: 2 }, { remaining: 0 }] });
      expect(await take('key:k 1/minute', 'owner:b 5/minute')).toMatchObject({
        allowed: false,
        states: [{ remaining: 0 }, { remaining: 5 }],
      });
      expect(await take('owner:a 3/minute')).toMatchObject({ allowed: true, states: [{ remaining: 1 }] });
    });

    test('moves no counter when the second of two windows refuses', async () => {
      await take('owner:a 5/second 2/minute');
      await take('owner:a 5/second 2/minute');
      for (let i = 0; i < 10; i++) {
        expect(await take('owner:a 5/second 2/minute')).toMatchObject({
          allowed: false,
          states: [{ remaining: 3 }, { remaining: 0 }],
        });
      }
    });

    test('charges nothing for a thousand refusals', async () => {
      await take('owner:a 1/minute');
      const first = await take('owner:a 1/minute');
      for (let i = 0; i < 1000; i++) await take('owner:a 1/minute');
      expect(await take('owner:a 1/minute')).toEqual(first);
      await stage.advance(60_000);
      expect((await take('owner:a 1/minute')).allowed).toBe(true);
    });

    test('gives the states in the order of the limits, with the limits themselves', async () => {
      const asked = ['owner:a 5/second 7/minute', 'key:k 2/10s'].map(spending);
      const { states } = await stage.limiter.take(asked);
      expect(states.map(({ limit }) => limit)).toEqual(asked.flatMap(({ limits }) => limits));
    });

    describe('when the limits of a partition change', () => {
      test('counts what the window has spent against a raised number', async () => {
        for (let i = 0; i < 3; i++) await take('owner:a 3/minute');
        const more = await take('owner:a 5/minute');
        expect(more).toMatchObject({ allowed: true, states: [{ remaining: 1 }] });
        expect((await take('owner:a 5/minute')).allowed).toBe(true);
        expect((await take('owner:a 5/minute')).allowed).toBe(false);
      });

      test('waits until a lowered number has room, and t says the same as Retry-After', async () => {
        for (let i = 0; i < 5; i++) {
          await take('owner:a 5/minute');
          await stage.advance(1000);
        }
        const refused = await take('owner:a 2/minute');
        // Spent at 0 to 4 s: the fourth of five must be free, which is at 63 s.
        expect(refused).toMatchObject({ allowed: false, retryAfterMs: 58_000 });
        expect(refused.states[0]).toMatchObject({ remaining: 0, resetAfterMs: 58_000 });
        await stage.advance(57_999);
        expect((await take('owner:a 2/minute')).allowed).toBe(false);
        await stage.advance(1);
        expect((await take('owner:a 2/minute')).allowed).toBe(true);
      });

      test('starts a longer window with what the shorter one knew, booked as now', async () => {
        for (let i = 0; i < 4; i++) await take('owner:a 5/second');
        await stage.advance(500);
        expect(await take('owner:a 6/minute')).toMatchObject({ allowed: true, states: [{ remaining: 1 }] });
        await stage.advance(59_999);
        expect(await take('owner:a 6/minute')).toMatchObject({ allowed: true, states: [{ remaining: 0 }] });
        expect((await take('owner:a 6/minute')).allowed).toBe(false);
        await stage.advance(1);
        expect(await take('owner:a 6/minute')).toMatchObject({ allowed: true, states: [{ remaining: 4 }] });
      });

      test('keeps the window that stays when another joins it or leaves', async () => {
        await take('owner:a 3/minute');
        expect(await take('owner:a 9/second 3/minute')).toMatchObject({
          allowed: true,
          states: [{ remaining: 7 }, { remaining: 1 }],
        });
        expect(await take('owner:a 3/minute')).toMatchObject({ allowed: true, states: [{ remaining: 0 }] });
      });
    });

    obedienceContract(() => stage);
  });
}

const STARTING: Record<string, Spending> = {
  'owner:a': spending('owner:a 3/second 20/10s'),
  'owner:b': spending('owner:b 100/10s'),
  'key:k': spending('key:k 40/minute'),
};

type Seen = (spendings: readonly Spending[], outcome: LimitOutcome, now: number, stage: LimiterStage) => void;

/** Plays a history on a fresh limiter and tells of each outcome. */
async function play(
  makeLimiter: MakeLimiter,
  steps: readonly Step[],
  seen: Seen,
  asked: (spendings: readonly Spending[], now: number) => void = () => undefined,
): Promise<void> {
  const stage = await makeLimiter();
  const limits = { ...STARTING };
  let told = 0;
  for (const { wait, request, times, change } of steps) {
    await stage.advance(typeof wait === 'number' ? wait : Math.max(0, wait === 'obey' ? told : told - 1));
    if (change !== null) limits[change.partition] = spending(`${change.partition} ${change.limits}`);
    for (let i = 0; i < times; i++) {
      const spendings = (REQUESTS[request] ?? []).flatMap((partition) => limits[partition] ?? []);
      asked(spendings, stage.now());
      const outcome = await stage.limiter.take(spendings);
      told = outcome.allowed ? 0 : Math.ceil(outcome.retryAfterMs);
      seen(spendings, outcome, stage.now(), stage);
    }
  }
  await stage.close?.();
}

/** `before`: the log as it was when the request came; `now`: how it is after what it decided. */
function expectAgreement(
  outcome: LimitOutcome,
  before: readonly OpenPage[],
  now: () => readonly OpenPage[],
  { toldLate = 0, holdsBack = false }: LimiterStage,
): void {
  const waits = before.map(({ wait }) => wait);
  const most = Math.max(...waits.map((wait) => wait.most));
  const least = Math.max(...waits.map((wait) => wait.least));
  if (outcome.allowed) {
    expect(least, 'a unit of every limit was free').toBe(0);
    for (const page of before) page.accept();
  } else {
    expect(outcome.unavailable).toBeUndefined();
    expect(outcome.retryAfterMs).toBeGreaterThan(0);
    if (!holdsBack) {
      expect(most, 'a limit was spent').toBeGreaterThan(0);
      expect(outcome.retryAfterMs).toBeGreaterThanOrEqual(least);
      const longestMs = Math.max(...before.map(({ limit }) => limit.windowMs));
      expect(outcome.retryAfterMs).toBeLessThanOrEqual(most + toldLate * longestMs);
    }
    const spent = outcome.states.filter(({ remaining }) => remaining === 0);
    const latest = Math.max(...spent.map(({ resetAfterMs }) => resetAfterMs));
    expect(latest, 't where r is 0').toBe(outcome.retryAfterMs);
  }
  const pages = now();
  expect(outcome.states).toHaveLength(pages.length);
  for (const [i, page] of pages.entries()) expectState(outcome.states[i], page, { toldLate, holdsBack });
}

function expectState(
  state: LimitState | undefined,
  page: OpenPage,
  { toldLate, holdsBack }: { readonly toldLate: number; readonly holdsBack: boolean },
): void {
  if (state === undefined) throw new Error('a state is missing');
  expect(state.limit).toEqual(page.limit);
  expect(state.remaining, 'never above the truth').toBeLessThanOrEqual(page.free.most);
  if (holdsBack) return;
  expect(state.remaining).toBeGreaterThanOrEqual(page.free.least);
  const due = state.remaining === 0 ? page.wait : page.firstFree;
  expect(state.resetAfterMs).toBeGreaterThanOrEqual(due.least);
  expect(state.resetAfterMs).toBeLessThanOrEqual(due.most + toldLate * page.limit.windowMs);
}
