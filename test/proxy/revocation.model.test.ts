import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Seal } from '../../src/core/seal.ts';
import { Secret } from '../../src/core/secret.ts';
import { Simulation } from './fleet/simulation.ts';
import { Story, type Outcome } from './fleet/story.ts';

const SEAL = new Seal([new Secret(randomBytes(16).toString('hex'))]);
/** More and others by hand; each takes some 60 ms of a processor, and a machine may be busy. */
const STORIES = Number(process.env['PLEXGATE_STORIES'] ?? 150);
const PATIENCE_MS = 600_000;
const SEED = Number(process.env['PLEXGATE_SEED'] ?? Math.floor(Math.random() * 1e6));

let simulation: Simulation;

beforeEach(() => {
  vi.stubGlobal('setTimeout', (...given: Parameters<Simulation['setTimeout']>) =>
    simulation.setTimeout(...given),
  );
  vi.stubGlobal('clearTimeout', (...given: Parameters<Simulation['clearTimeout']>) =>
    simulation.clearTimeout(...given),
  );
});
afterEach(() => {
  vi.unstubAllGlobals();
});

async function tell(stories: number, withFaults: boolean): Promise<Outcome> {
  const sum: Outcome = { requests: 0, served: 0, stale: 0, revoked: 0, returned: 0, fenced: 0, wrong: [] };
  for (let seed = SEED; seed < SEED + stories; seed++) {
    simulation = new Simulation();
    const { wrong, ...counts } = await new Story(simulation, SEAL, seed, withFaults).play();
    for (const [name, count] of Object.entries(counts)) sum[name as keyof typeof counts] += count;
    sum.wrong.push(...wrong.map((what) => `seed ${seed}: ${what}`));
  }
  return sum;
}

describe('with three gates, a key service and a Redis', () => {
  it(
    'a revoked key is dead when the call returns, and a good one is never refused, whatever fails',
    async () => {
      const { wrong, ...counts } = await tell(STORIES, true);
      expect(wrong).toEqual([]);
      // The stories are about something.
      expect(counts.served).toBeGreaterThan(counts.requests / 4);
      expect(counts.stale).toBeGreaterThan(STORIES);
      expect(counts.fenced).toBeGreaterThan(STORIES / 10);
      expect(counts.returned).toBeGreaterThan(STORIES);
    },
    PATIENCE_MS,
  );

  it(
    'every request is answered where nothing fails, and every revocation acknowledged by all',
    async () => {
      const { wrong, ...counts } = await tell(STORIES / 10, false);
      expect(wrong).toEqual([]);
      expect(counts).toMatchObject({ fenced: 0, stale: 0, returned: counts.revoked });
    },
    PATIENCE_MS,
  );
});
