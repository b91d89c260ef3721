import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Slot } from '../../../src/core/limit.ts';
import type { RedisConnection } from '../../../src/runtime/redis/redis.ts';
import { startRedis, type RedisServer } from '../../support/redis-servers.ts';
import { connectTo, VirtualFleet, type Replica } from '../../support/virtual-limiters.ts';
import { randomFrom } from '../../support/virtual-load.ts';
import type { Fate } from '../../support/virtual-redis.ts';

let server: RedisServer;
let redis: RedisConnection;

beforeAll(async () => {
  server = await startRedis();
  redis = await connectTo(server.config);
});
afterAll(async () => {
  await redis.close();
  await server.stop();
});

const KINDS = [
  'cut',
  'mend',
  'deafen',
  'kill',
  'restart',
  'leave',
  'redis away',
  'redis back',
  'redis replaced',
  'load',
] as const;

interface Event {
  readonly kind: (typeof KINDS)[number];
  readonly replica: number;
  readonly forMs: number;
}

const histories = fc.record({
  seed: fc.nat(),
  slots: fc.constantFrom(1, 4, 20),
  algorithm: fc.constantFrom('exact' as const, 'leased' as const),
  longestMs: fc.constantFrom(20, 300, 4000),
  unreliable: fc.constantFrom(0, 0.02, 0.2),
  events: fc.array(
    fc.record({
      kind: fc.constantFrom(...KINDS),
      replica: fc.nat({ max: 3 }),
      forMs: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 300, max: 2500 })),
    }),
    { minLength: 2, maxLength: 12 },
  ),
});

type History = typeof histories extends fc.Arbitrary<infer H> ? H : never;

describe('four replicas that share slots', () => {
  it('never occupy more than there are, whatever happens to calls, replicas and Redis', async () => {
    await fc.assert(
      fc.asyncProperty(histories, async (history) => {
        const run = new Run(redis, history);
        await run.play();
        expect(run.most).toBeLessThanOrEqual(history.slots);
        expect(run.most).toBeGreaterThan(0);
      }),
      { numRuns: Number(process.env['PLEXGATE_RUNS'] ?? 40) },
    );
  }, 600_000);
});

interface Process {
  replica: Replica | null;
  link: Fate;
  /** Of requests under way. */
  readonly slots: Set<Slot>;
}

class Run {
  most = 0;
  readonly #fleet: VirtualFleet;
  readonly #history: History;
  readonly #processes: Process[] = [];
  readonly #random: () => number;
  #isOver = false;

  constructor(redis: RedisConnection, history: History) {
    this.#fleet = new VirtualFleet(redis);
    this.#history = history;
    this.#random = randomFrom(history.seed);
  }

  async play(): Promise<void> {
    const { time } = this.#fleet;
    await this.#fleet.empty();
    for (let i = 0; i < 4; i++) this.#start(i);
    await this.#fleet.settle();
    this.#arrive();
    await time.pass(500);
    for (const { kind, replica, forMs } of this.#history.events) {
      await this.#happens(kind, replica);
      await time.pass(forMs);
    }
    this.#isOver = true;
    await time.pass(this.#history.longestMs + 200);
    for (const { replica } of this.#processes) void replica?.limiter.stop();
    await time.pass(600);
  }

  /** A request to one of them, and then the next. */
  #arrive(): void {
    if (this.#isOver) return;
    const process = this.#processes[Math.floor(this.#random() * 4)];
    if (process !== undefined) void this.#request(process);
    this.#fleet.time.at(this.#fleet.time.now + this.#random() * 12, () => this.#arrive());
  }

  async #request(process: Process): Promise<void> {
    const { replica } = process;
    const outcome = await replica?.limiter.slots.occupy([
      { partition: 'owner:a', owner: 'o', slots: this.#history.slots },
    ]);
    if (outcome?.allowed !== true || process.replica === null) return;
    process.slots.add(outcome.slot);
    const total = this.#processes.reduce((sum, { slots }) => sum + slots.size, 0);
    this.most = Math.max(this.most, total);
    this.#fleet.time.at(this.#fleet.time.now + this.#random() * this.#history.longestMs, () => {
      process.slots.delete(outcome.slot);
      outcome.slot.release();
    });
  }

  /** Once its requests are over. */
  #leave(process: Process): void {
    for (const slot of process.slots) slot.release();
    process.slots.clear();
    void process.replica?.limiter.stop();
  }

  #start(i: number): Process {
    const { algorithm, unreliable } = this.#history;
    const process: Process = { replica: null, link: 'arrives', slots: new Set() };
    process.replica = this.#fleet.start({
      algorithm,
      clock: { rate: [0.91, 1, 1, 1.09][i] ?? 1, aheadMs: (i - 2) * 60_000 },
      delayMs: () => 0.1 + this.#random(),
      fate: () => {
        if (this.#processes[i] !== process || process.replica === null) return 'never arrives';
        if (process.link !== 'arrives' || this.#random() >= unreliable) return process.link;
        const fates = ['never arrives', 'reply lost', 'connection killed', 'arrives late'] as const;
        return fates[Math.floor(this.#random() * fates.length)] ?? 'arrives';
      },
    });
    this.#processes[i] = process;
    return process;
  }

  async #happens(kind: Event['kind'], i: number): Promise<void> {
    const { server } = this.#fleet;
    const process = this.#processes[i];
    if (process === undefined) return;
    if (kind === 'redis away') server.isUp = false;
    if (kind === 'redis back') server.isUp = true;
    if (kind === 'redis replaced') {
      await this.#fleet.empty();
      server.run = `${server.run.slice(1)}${Math.floor(this.#random() * 10)}`;
    }
    if (kind === 'cut') process.link = 'never arrives';
    if (kind === 'deafen') process.link = 'reply lost';
    if (kind === 'mend') process.link = 'arrives';
    if (kind === 'kill') {
      process.replica = null;
      process.slots.clear();
    }
    if (kind === 'leave') this.#leave(process);
    if (kind === 'restart' && process.replica === null) this.#start(i);
  }
}
