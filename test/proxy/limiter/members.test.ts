import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { partOf, type Held } from '../../../src/core/share.ts';
import {
  beat,
  LAPSE_MS,
  REGISTRY_MS,
  leave,
  type Beat,
  type BeatReply,
  type Row,
} from '../../../src/proxy/limiter/members-call.ts';
import type { RedisConnection } from '../../../src/runtime/redis/redis.ts';
import { spending } from '../../contracts/limiter.stage.ts';
import { startRedis, type RedisServer } from '../../support/redis-servers.ts';
import { connectTo, VirtualFleet } from '../../support/virtual-limiters.ts';
import { VirtualRedis } from '../../support/virtual-redis.ts';

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

const WINDOW_MS = 1000;
const QUOTAS = [1, 2, 3, 5, 7, 10, 64, 100];

/** A member as far as its beats go: what it believes to hold, and when it was last heard for certain. */
class Beating {
  held: Held | null = null;
  joined = false;
  number = 0;
  heardAt = Number.NEGATIVE_INFINITY;
  rows: readonly Row[] = [];
  readonly id: string;

  constructor(id: string) {
    this.id = id;
  }

  call(rows: readonly Row[] = []): Beat {
    this.number++;
    return {
      id: this.id,
      name: this.id,
      number: this.number,
      by: Number.MAX_SAFE_INTEGER,
      joined: this.joined,
      held: this.held,
      told: [],
      seen: [],
      silenceMs: 100,
      longestMs: WINDOW_MS,
      rows,
    };
  }

  took(reply: BeatReply, at: number): void {
    if (reply.kind !== 'done') return;
    this.held = reply.held;
    this.rows = reply.rows;
    this.joined = true;
    this.heardAt = at;
  }
}

class Registry {
  readonly fleet: VirtualFleet;
  readonly link: VirtualRedis;
  readonly members = new Map<number, Beating>();
  #made = 0;

  constructor(real: RedisConnection) {
    this.fleet = new VirtualFleet(real);
    const { time, server } = this.fleet;
    this.link = new VirtualRedis({ time, process: time.process(), server, real, delayMs: () => 0 });
  }

  async beats(i: number, isReplyLost: boolean): Promise<void> {
    let member = this.members.get(i);
    if (member === undefined) this.members.set(i, (member = new Beating(`m${i}.${this.#made++}`)));
    const { time } = this.fleet;
    let reply = await time.until(beat(this.link, member.call()));
    if (reply.kind === 'forgotten') reply = await time.until(beat(this.link, member.call(member.rows)));
    if (!isReplyLost) member.took(reply, time.now);
  }

  /** Whoever lives is back before the new registry is believed. */
  async emptied(newcomer: number): Promise<void> {
    await this.fleet.empty();
    const survivors = [...this.members.keys()];
    await this.beats(newcomer, false);
    for (const i of survivors) await this.beats(i, false);
    this.fleet.time.jump(REGISTRY_MS);
  }

  async leaves(i: number): Promise<void> {
    const member = this.members.get(i);
    if (member === undefined) return;
    await this.fleet.time.until(leave(this.link, member.call()));
    this.members.delete(i);
  }

  /** The parts that all who may still spend believe to have. */
  parts(quota: number): number {
    const { now } = this.fleet.time;
    let units = 0;
    for (const { held, heardAt } of this.members.values()) {
      if (now - heardAt < LAPSE_MS) units += partOf(quota, held);
    }
    return units;
  }
}

const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant('beats'), i: fc.nat({ max: 5 }), isReplyLost: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('leaves', 'dies'), i: fc.nat({ max: 5 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('emptied', 'lapse'), i: fc.nat({ max: 5 }) }) },
);

describe('the registry of members', () => {
  it('never lets the parts of all who hold one be more than a limit', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const registry = new Registry(redis);
        await registry.fleet.empty();
        for (const { kind, i, ...more } of steps) {
          if (kind === 'beats') await registry.beats(i, 'isReplyLost' in more && more.isReplyLost);
          if (kind === 'leaves') await registry.leaves(i);
          if (kind === 'dies') registry.members.delete(i);
          if (kind === 'lapse') registry.fleet.time.jump(LAPSE_MS / 3);
          if (kind === 'emptied') await registry.emptied(i);
          registry.fleet.time.jump(10);
          for (const quota of QUOTAS) expect(registry.parts(quota)).toBeLessThanOrEqual(quota);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('gives all of a limit to those who are there, soon after all have beaten', async () => {
    const registry = new Registry(redis);
    await registry.fleet.empty();
    for (let i = 0; i < 5; i++) await registry.beats(i, false);
    registry.fleet.time.jump(REGISTRY_MS);
    await registry.leaves(1);
    for (let round = 0; round < 4; round++) for (const i of [0, 2, 3, 4]) await registry.beats(i, false);
    for (const quota of QUOTAS) expect(registry.parts(quota)).toBe(quota);
  });

  it('gives the place of a dead member to the one that starts under its name', async () => {
    const fleet = new VirtualFleet(redis);
    await fleet.empty();
    const limits = spending('owner:a 100/second').limits;
    fleet.start({ algorithm: 'exact', name: 'a', limits });
    let isDead = false;
    fleet.start({
      algorithm: 'exact',
      name: 'b',
      limits,
      fate: () => (isDead ? 'never arrives' : 'arrives'),
    });
    await fleet.settle();
    isDead = true;
    await fleet.time.pass(2000);
    const { limiter } = fleet.start({ algorithm: 'exact', name: 'b', limits });
    await fleet.time.pass(500);
    const free = async (): Promise<number> => {
      const { states } = await fleet.time.until(
        Promise.resolve(limiter.take([spending('owner:a 100/second')])),
      );
      return states[0]?.remaining ?? 0;
    };
    // What the dead one may have spent by its own rule counts for a window more.
    expect(await free()).toBe(49);
    await fleet.time.pass(1500);
    expect(await free()).toBe(99);
  });
});
