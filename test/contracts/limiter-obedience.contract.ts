import { describe, expect, test } from 'vitest';
import type { LimitOutcome } from '../../src/core/limit.ts';
import { rateLimitFields, retryAfterSeconds } from '../../src/core/rate-limit-fields.ts';
import { spending, type LimiterStage } from './limiter.stage.ts';

const REQUESTS = 10_000;
const LIMITS = [
  'owner:a 10/second',
  'owner:a 100/second',
  'owner:a 100/minute',
  'owner:a 500/minute',
  'owner:a 7/second',
  'owner:a 50/10s',
  'owner:a 1/second',
  'owner:a 1000/hour',
  'owner:a 10/second 100/minute',
  'owner:a 100/minute, key:k 7/second',
];

/** Milliseconds between requests of a client that is not told to wait. */
const PACES = {
  'as fast as it can': () => 0,
  'at an uneven pace': (i: number) => (i * 7919) % 97,
};

/** A client alone on its limits that does what the header fields say is never refused. */
export function obedienceContract(stage: () => LimiterStage): void {
  describe.each(LIMITS)('a client alone on %s', (text) => {
    const spendings = text.split(', ').map(spending);
    const take = async (): Promise<LimitOutcome> => stage().limiter.take(spendings);

    test.each(Object.entries(PACES))(`that obeys RateLimit %s meets no refusal`, async (_, paceMs) => {
      let refused = 0;
      const requests = stage().requests ?? REQUESTS;
      for (let i = 0; i < requests; i++) {
        const outcome = await take();
        if (!outcome.allowed) refused++;
        await stage().advance(waitTold(outcome, stage().now()) * 1000 + paceMs(i));
      }
      expect(refused).toBe(0);
    });

    test('that obeys Retry-After alone is accepted each time it comes back', async () => {
      const requests = (stage().requests ?? REQUESTS) / 25;
      for (let i = 0; i < requests; i++) {
        let outcome = await take();
        if (outcome.allowed) continue;
        await stage().advance(retryAfterSeconds(outcome.retryAfterMs) * 1000);
        outcome = await take();
        expect(outcome.allowed).toBe(true);
      }
    });
  });
}

/** Seconds to wait by the header's own text: the longest `t` of the limits with `r=0`. */
function waitTold(outcome: LimitOutcome, now: number): number {
  const fields = rateLimitFields(outcome.states, now);
  const value = fields[fields.indexOf('RateLimit') + 1] ?? '';
  const items = [...value.matchAll(/"[^"]+";r=(\d+);t=(\d+)/g)];
  if (items.length !== outcome.states.length) throw new Error(`not a RateLimit field: ${value}`);
  return Math.max(0, ...items.map(([, r, t]) => (r === '0' ? Number(t) : 0)));
}
