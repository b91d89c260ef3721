import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseLimit, type NamedLimit } from '../../../src/core/limit.ts';
import { named } from '../../../src/core/rate-limit-fields.ts';
import type { Spending } from '../../../src/proxy/limiter/limiter.ts';
import type { RedisConnection } from '../../../src/runtime/redis/redis.ts';
import { startRedis, type RedisServer } from '../../support/redis-servers.ts';
import type { Fate } from '../../support/virtual-redis.ts';
import { connectTo, VirtualFleet, type Replica } from '../../support/virtual-limiters.ts';
import { violationOf, type Accepted } from '../../support/windows.ts';

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

/** What happens to the fleet of four, in its order. */
type Event =
  | { readonly kind: 'load'; readonly ms: number; readonly factor: number; readonly replica: number | null }
  | { readonly kind: 'quiet'; readonly ms: number }
  | { readonly kind: 'cut' | 'mend' | 'deafen' | 'kill' | 'restart' | 'leave'; readonly replica: number }
  | { readonly kind: 'redis away' | 'redis back' | 'redis replaced' | 'redis emptied' };

const replica = fc.nat({ max: 3 });
const event: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('load' as const),
      ms: fc.integer({ min: 20, max: 1500 }),
      factor: fc.constantFrom(0.3, 1, 2, 5),
      replica: fc.option(replica, { nil: null, freq: 3 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('quiet' as const), ms: fc.integer({ min: 1, max: 2500 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom('cut', 'mend', 'deafen', 'kill', 'restart', 'leave'),
      replica,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom('redis away', 'redis back', 'redis replaced') }),
  },
);

const histories = fc.record({
  seed: fc.nat(),
  limit: fc.constantFrom('7/second', '10/second', '100/second', '300/second', '20/2s'),
  algorithm: fc.constantFrom('exact' as const, 'leased' as const),
  rates: fc.array(fc.constantFrom(0.91, 1, 1, 1.09), { minLength: 4, maxLength: 4 }),
  unreliable: fc.constantFrom(0, 0.02, 0.2),
  events: fc.array(event, { minLength: 3, maxLength: 14 }),
});

type History = typeof histories extends fc.Arbitrary<infer H> ? H : never;

describe('four replicas that share limits', () => {
  it('never let more than the quota into any window, whatever happens to calls, replicas and Redis', async () => {
    await fc.assert(
      fc.asyncProperty(histories, async (history) => {
        const { accepted, limit } = await new Run(redis, history).play();
        expect(violationOf(accepted, limit)).toBeNull();
      }),
      {
        numRuns: Number(process.env['RUNS'] ?? 40),
        ...(process.env['SEED'] ? { seed: Number(process.env['SEED']) } : {}),
      },
    );
  }, 600_000);
});

interface Member {
  replica: Replica;
  isAlive: boolean;
  link: 'whole' | 'cut' | 'deaf';
}

class Run {
  readonly #fleet: VirtualFleet;
  readonly #history: History;
  readonly #limits: readonly NamedLimit[];
  readonly #spendings: readonly Spending[];
  readonly #members: Member[] = [];
  readonly #accepted: Accepted[] = [];
  #seed: number;

  constructor(redis: RedisConnection, history: History) {
    this.#fleet = new VirtualFleet(redis);
    this.#history = history;
    this.#seed = history.seed;
    const limit = parseLimit(history.limit);
    if (limit === null) throw new Error('no limit');
    this.#limits = named('owner', [limit]);
    this.#spendings = [{ partition: 'owner:a', owner: 'a', limits: this.#limits }];
  }

  async play(): Promise<{ accepted: readonly Accepted[]; limit: NamedLimit }> {
    await this.#fleet.empty();
    for (let i = 0; i < 4; i++) this.#members.push(this.#start(i));
    await this.#fleet.settle();
    for (const one of this.#history.events) await this.#happens(one);
    await this.#fleet.time.pass(1200);
    const [limit] = this.#limits;
    if (limit === undefined) throw new Error('no limit');
    for (const { replica } of this.#members) void replica.limiter.stop();
    await this.#fleet.time.pass(600);
    return { accepted: this.#accepted, limit };
  }

  #start(i: number): Member {
    const { algorithm, rates, unreliable } = this.#history;
    const member: Omit<Member, 'replica'> & { replica?: Replica } = { isAlive: true, link: 'whole' };
    member.replica = this.#fleet.start({
      algorithm,
      clock: { rate: rates[i] ?? 1, aheadMs: (i - 2) * 60_000 },
      limits: this.#limits,
      delayMs: () => 0.1 + this.#random(),
      fate: () => this.#fateOf(member, unreliable),
    });
    return member as Member;
  }

  #fateOf({ isAlive, link }: { isAlive: boolean; link: Member['link'] }, unreliable: number): Fate {
    if (!isAlive || link === 'cut') return 'never arrives';
    if (link === 'deaf') return 'reply lost';
    if (this.#random() >= unreliable) return 'arrives';
    const fates = ['never arrives', 'reply lost', 'connection killed', 'arrives late'] as const;
    return fates[Math.floor(this.#random() * fates.length)] ?? 'arrives';
  }

  async #happens(event: Event): Promise<void> {
    const { time, server } = this.#fleet;
    if (event.kind === 'load') return this.#load(event);
    if (event.kind === 'quiet') return time.pass(event.ms);
    if (event.kind === 'redis away') server.isUp = false;
    if (event.kind === 'redis back') server.isUp = true;
    if (event.kind === 'redis replaced') {
      await this.#fleet.empty();
      server.run = `${server.run.slice(1)}${String(this.#seed % 10)}`;
    }
    if (!('replica' in event) || event.replica === null) return;
    const member = this.#members[event.replica];
    if (member === undefined) return;
    if (event.kind === 'cut') member.link = 'cut';
    if (event.kind === 'deafen') member.link = 'deaf';
    if (event.kind === 'mend') member.link = 'whole';
    if (event.kind === 'kill') member.isAlive = false;
    if (event.kind === 'leave') {
      void member.replica.limiter.stop();
      member.isAlive = member.isAlive && true;
    }
    if (event.kind === 'restart' && !member.isAlive)
      this.#members[event.replica] = this.#start(event.replica);
  }

  async #load({
    ms,
    factor,
    replica,
  }: {
    ms: number;
    factor: number;
    replica: number | null;
  }): Promise<void> {
    const { time } = this.#fleet;
    const [limit] = this.#limits;
    const everyMs = (limit?.windowMs ?? 0) / ((limit?.quota ?? 1) * factor);
    const end = time.now + ms;
    for (let at = time.now; at < end; at += -Math.log(1 - this.#random()) * everyMs) {
      time.at(at, () => this.#request(replica ?? Math.floor(this.#random() * 4)));
    }
    await time.pass(ms);
  }

  #request(i: number): void {
    const member = this.#members[i];
    if (member === undefined || !member.isAlive) return;
    const { time } = this.#fleet;
    const arrivedAt = time.now;
    const take = async (): Promise<void> => {
      const outcome = await member.replica.limiter.take(this.#spendings);
      if (outcome.allowed && member.isAlive) this.#accepted.push({ arrivedAt, handedOverAt: time.now });
    };
    void take();
  }

  #random(): number {
    this.#seed = (this.#seed + 0x6d2b79f5) >>> 0;
    let t = Math.imul(this.#seed ^ (this.#seed >>> 15), this.#seed | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }
}
