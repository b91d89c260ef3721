import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NamedLimit } from '../../../src/core/limit.ts';
import type { RedisConnection } from '../../../src/runtime/redis/redis.ts';
import { spending } from '../../contracts/limiter.stage.ts';
import { startRedis, type RedisServer } from '../../support/redis-servers.ts';
import type { Fate } from '../../support/virtual-redis.ts';
import { connectTo, newRun, VirtualFleet, type Replica } from '../../support/virtual-limiters.ts';
import { randomFrom, VirtualLoad } from '../../support/virtual-load.ts';
import { violationOf } from '../../support/windows.ts';

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

/** What happens to the fleet of four, and how long nothing else does. */
interface Event {
  readonly kind: (typeof KINDS)[number];
  readonly replica: number;
  readonly forMs: number;
}

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
  'redis failed over',
  'redis failed over twice',
  'freeze',
  'freeze',
  'load',
] as const;

const event: fc.Arbitrary<Event> = fc.record({
  kind: fc.constantFrom(...KINDS),
  replica: fc.nat({ max: 3 }),
  forMs: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 300, max: 2500 })),
});

const histories = fc.record({
  seed: fc.nat(),
  limit: fc.constantFrom('7/second', '20/second', '100/second', '300/second', '40/2s', '30/5s'),
  algorithm: fc.constantFrom('exact' as const, 'leased' as const),
  /** What part of the requests each replica gets, and how many times the limit all of them are. */
  weights: fc.constantFrom<number[]>([1, 1, 1, 1], [8, 1, 1, 1], [1, 8, 8, 0], [0, 1, 0, 1]),
  factor: fc.constantFrom(1, 3, 3, 6),
  rates: fc.array(fc.constantFrom(0.91, 1, 1, 1.09), { minLength: 4, maxLength: 4 }),
  /** Whether requests come with keys that have limits of their own. */
  keys: fc.boolean(),
  isCluster: fc.boolean(),
  unreliable: fc.constantFrom(0, 0, 0.02, 0.2),
  events: fc.array(event, { minLength: 2, maxLength: 14 }),
});

type History = typeof histories extends fc.Arbitrary<infer H> ? H : never;

describe('four replicas that share limits', () => {
  it('never let more than the quota into any window, whatever happens to calls, replicas and Redis', async () => {
    await fc.assert(
      fc.asyncProperty(histories, async (history) => {
        const { accepted, limit } = await new Run(redis, history).play();
        expect(violationOf(accepted, limit)).toBeNull();
        for (const [i, key] of KEYS.entries()) {
          const ofKey = accepted.filter(({ set }) => set === i + 1);
          for (const one of key.limits) expect(violationOf(ofKey, one)).toBeNull();
        }
      }),
      { numRuns: Number(process.env['PLEXGATE_RUNS'] ?? 40) },
    );
  }, 600_000);
});

/** Keys with limits of their own, of the same owner. */
const KEYS = ['key:a 3/second', 'key:b 10/second 20/2s'].map(spending);

interface Member {
  replica: Replica | null;
  link: 'whole' | 'cut' | 'deaf';
}

class Run {
  readonly #fleet: VirtualFleet;
  readonly #history: History;
  readonly #limit: NamedLimit;
  readonly #members: Member[] = [];
  readonly #random: () => number;

  constructor(redis: RedisConnection, history: History) {
    this.#fleet = new VirtualFleet(redis);
    this.#history = history;
    this.#random = randomFrom(history.seed);
    const [limit] = spending(`owner:a ${history.limit}`).limits;
    if (limit === undefined) throw new Error('no limit');
    this.#limit = limit;
  }

  async play(): Promise<{ accepted: VirtualLoad['accepted']; limit: NamedLimit }> {
    const { time } = this.#fleet;
    const { weights, factor, events } = this.#history;
    const { quota, windowMs } = this.#limit;
    const owner = spending(`owner:a ${this.#history.limit}`);
    await this.#fleet.empty();
    for (let i = 0; i < 4; i++) this.#start(i);
    await this.#fleet.settle();
    const load = new VirtualLoad({
      time,
      spendings: [owner],
      perSecond: (quota * factor * 1000) / windowMs,
      weights,
      random: this.#random,
      limiterOf: (i) => this.#members[i]?.replica?.limiter ?? null,
      processOf: (i) => this.#members[i]?.replica?.process ?? null,
      others: this.#history.keys ? KEYS.map((key) => [owner, key]) : [],
    });
    await time.pass(windowMs * 1.3);
    for (const one of events) {
      await this.#happens(one);
      await time.pass(one.forMs);
    }
    await time.pass(1200);
    load.end();
    for (const { replica } of this.#members) void replica?.limiter.stop();
    await time.pass(600);
    return { accepted: load.accepted, limit: this.#limit };
  }

  #start(i: number): Member {
    const { algorithm, isCluster, rates, unreliable } = this.#history;
    const member: Member = { replica: null, link: 'whole' };
    const replica: Replica = this.#fleet.start({
      algorithm,
      isCluster,
      clock: { rate: rates[i] ?? 1, aheadMs: (i - 2) * 60_000 },
      limits: [this.#limit],
      delayMs: () => 0.1 + this.#random(),
      fate: () => (this.#members[i] === member ? this.#fateOf(member, unreliable) : 'never arrives'),
    });
    member.replica = replica;
    this.#members[i] = member;
    return member;
  }

  #fateOf({ replica, link }: Member, unreliable: number): Fate {
    if (replica === null || link === 'cut') return 'never arrives';
    if (link === 'deaf') return 'reply lost';
    if (this.#random() >= unreliable) return 'arrives';
    const fates = ['never arrives', 'reply lost', 'connection killed', 'arrives late'] as const;
    return fates[Math.floor(this.#random() * fates.length)] ?? 'arrives';
  }

  async #happens({ kind, replica }: Event): Promise<void> {
    const { server } = this.#fleet;
    if (kind === 'redis away') server.isUp = false;
    if (kind === 'redis back') server.isUp = true;
    if (kind === 'redis replaced') {
      await this.#fleet.empty();
      server.run = newRun();
    }
    if (kind === 'redis failed over') await this.#failOver();
    if (kind === 'redis failed over twice') {
      await this.#failOver();
      await this.#fleet.time.pass(this.#random() * 500);
      await this.#failOver();
    }
    const member = this.#members[replica];
    if (member === undefined) return;
    if (kind === 'cut') member.link = 'cut';
    if (kind === 'deafen') member.link = 'deaf';
    if (kind === 'freeze') member.replica?.process.freeze(this.#random() * 1500);
    if (kind === 'mend') member.link = 'whole';
    if (kind === 'kill') member.replica = null;
    if (kind === 'leave') void member.replica?.limiter.stop();
    if (kind === 'restart' && member.replica === null) this.#start(replica);
  }

  /** With the last writes lost, and sometimes nobody there for a while. */
  async #failOver(): Promise<void> {
    const { time, server } = this.#fleet;
    const lostMs = [0, 5, 50, 400][Math.floor(this.#random() * 4)] ?? 0;
    await this.#fleet.replicate();
    await time.pass(lostMs);
    if (this.#random() < 0.5) {
      server.isUp = false;
      await time.pass(this.#random() * 1000);
      server.isUp = true;
    }
    await this.#fleet.failOver();
  }
}
