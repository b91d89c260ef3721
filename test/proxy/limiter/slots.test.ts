import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Slot } from '../../../src/core/limit.ts';
import { MemoryLimiter } from '../../../src/proxy/limiter/memory.ts';
import type { SlotClaim, SlotOutcome, Slots } from '../../../src/proxy/limiter/slots/slots.ts';
import type { RedisConnection } from '../../../src/runtime/redis/redis.ts';
import { startRedis, type RedisServer } from '../../support/redis-servers.ts';
import { connectTo, VirtualFleet, type Replica } from '../../support/virtual-limiters.ts';
import type { Fate } from '../../support/virtual-redis.ts';

let server: RedisServer;
let redis: RedisConnection;
let fleet: VirtualFleet;

beforeAll(async () => {
  server = await startRedis();
  redis = await connectTo(server.config);
});
beforeEach(async () => {
  fleet = new VirtualFleet(redis);
  await fleet.empty();
});
afterAll(async () => {
  await redis.close();
  await server.stop();
});

function claims(...texts: string[]): SlotClaim[] {
  return texts.map((text) => {
    const [partition = '', slots] = text.split(' ');
    return { partition, owner: 'o', slots: Number(slots) };
  });
}

const occupy = (slots: Slots, ...texts: string[]): Promise<SlotOutcome> =>
  fleet.time.until(Promise.resolve(slots.occupy(claims(...texts))));

async function occupied(slots: Slots, ...texts: string[]): Promise<Slot> {
  const outcome = await occupy(slots, ...texts);
  if (!outcome.allowed) throw new Error('refused');
  return outcome.slot;
}

async function started(algorithm: 'memory' | 'exact' | 'leased'): Promise<Slots> {
  if (algorithm === 'memory') return new MemoryLimiter(fleet.time.process()).slots;
  const { limiter } = fleet.start({ algorithm });
  await fleet.settle();
  return limiter.slots;
}

const ALGORITHMS = ['memory', 'exact', 'leased'] as const;

describe.each(ALGORITHMS)('slots (%s)', (algorithm) => {
  it('are occupied up to their number, and free again once a request is over', async () => {
    const slots = await started(algorithm);
    const first = await occupied(slots, 'owner:a 2');
    const second = await occupied(slots, 'owner:a 2');
    expect(await occupy(slots, 'owner:a 2')).toEqual({ allowed: false, retryAfterMs: 1000 });
    first.release();
    first.release();
    const third = await occupied(slots, 'owner:a 2');
    expect((await occupy(slots, 'owner:a 2')).allowed).toBe(false);
    second.release();
    third.release();
    expect((await occupy(slots, 'owner:a 1')).allowed).toBe(true);
  });

  it('are taken of all partitions or of none', async () => {
    const slots = await started(algorithm);
    const held = await occupied(slots, 'key:k 1');
    for (let i = 0; i < 3; i++) {
      expect((await occupy(slots, 'owner:a 2', 'key:k 1')).allowed).toBe(false);
    }
    const one = await occupied(slots, 'owner:a 2', 'key:l 1');
    await occupied(slots, 'owner:a 2');
    expect((await occupy(slots, 'owner:a 2')).allowed).toBe(false);
    held.release();
    one.release();
    expect((await occupy(slots, 'owner:a 2', 'key:k 1')).allowed).toBe(true);
  });

  it('are not given out beyond a number that was lowered, and more when it is raised', async () => {
    const slots = await started(algorithm);
    const held = [await occupied(slots, 'owner:a 3'), await occupied(slots, 'owner:a 3')];
    expect((await occupy(slots, 'owner:a 1')).allowed).toBe(false);
    held[0]?.release();
    expect((await occupy(slots, 'owner:a 1')).allowed).toBe(false);
    expect((await occupy(slots, 'owner:a 2')).allowed).toBe(true);
  });
});

describe('slots over several replicas', () => {
  async function start(count: number, options: { fate?: (i: number) => Fate; name?: string } = {}) {
    const replicas = Array.from({ length: count }, (_, i) =>
      fleet.start({
        algorithm: 'leased',
        ...(options.name === undefined ? {} : { name: `${options.name}${i}` }),
        fate: () => options.fate?.(i) ?? 'arrives',
      }),
    );
    await fleet.settle();
    return replicas;
  }

  const slotsOf = (replicas: readonly Replica[], i: number): Slots => {
    const replica = replicas[i];
    if (replica === undefined) throw new Error('no such replica');
    return replica.limiter.slots;
  };

  it('are shared', async () => {
    const replicas = await start(3);
    const held = [];
    for (let i = 0; i < 6; i++) held.push(await occupied(slotsOf(replicas, i % 3), 'owner:a 6'));
    for (let i = 0; i < 3; i++) expect((await occupy(slotsOf(replicas, i), 'owner:a 6')).allowed).toBe(false);
    held[0]?.release();
    // It is kept for a moment for the replica's own next request, and then for everybody's.
    await fleet.time.pass(2100);
    expect((await occupy(slotsOf(replicas, 2), 'owner:a 6')).allowed).toBe(true);
  });

  it('need no call for requests that follow each other', async () => {
    const replicas = await start(1);
    const calls = (): number => replicas[0]?.heard['slots ok'] ?? 0;
    (await occupied(slotsOf(replicas, 0), 'owner:a 6')).release();
    const before = calls();
    for (let i = 0; i < 1000; i++) {
      const slot = await occupied(slotsOf(replicas, 0), 'owner:a 6');
      await fleet.time.pass(1);
      slot.release();
    }
    expect(calls() - before).toBeLessThanOrEqual(2);
  });

  it('of a replica that died are free when another one has started under its name', async () => {
    let isDead = false;
    const replicas = await start(2, {
      name: 'host:',
      fate: (i) => (i === 0 && isDead ? 'never arrives' : 'arrives'),
    });
    for (let i = 0; i < 4; i++) await occupied(slotsOf(replicas, 0), 'owner:a 4');
    isDead = true;
    await fleet.time.pass(3000);
    expect((await occupy(slotsOf(replicas, 1), 'owner:a 4')).allowed).toBe(false);
    fleet.start({ algorithm: 'leased', name: 'host:0' });
    await fleet.time.pass(3000);
    expect((await occupy(slotsOf(replicas, 1), 'owner:a 4')).allowed).toBe(true);
  });

  it('of a replica that is cut off stay its own, and it goes on with what it has', async () => {
    let isCut = false;
    const replicas = await start(2, { fate: (i) => (i === 0 && isCut ? 'never arrives' : 'arrives') });
    const held = [
      await occupied(slotsOf(replicas, 0), 'owner:a 3'),
      await occupied(slotsOf(replicas, 0), 'owner:a 3'),
    ];
    isCut = true;
    await fleet.time.pass(5000);
    expect(await occupy(slotsOf(replicas, 0), 'owner:a 3')).toMatchObject({ unavailable: true });
    held[0]?.release();
    const again = await occupied(slotsOf(replicas, 0), 'owner:a 3');
    expect((await occupy(slotsOf(replicas, 1), 'owner:a 3')).allowed).toBe(true);
    expect((await occupy(slotsOf(replicas, 1), 'owner:a 3')).allowed).toBe(false);
    expect(again.stands()).toBe(true);
  });

  it('of a replica that slept too long are gone when it wakes up', async () => {
    let isCut = false;
    const replicas = await start(2, { fate: (i) => (i === 0 && isCut ? 'never arrives' : 'arrives') });
    const slot = await occupied(slotsOf(replicas, 0), 'owner:a 1');
    isCut = true;
    await fleet.time.pass(1000);
    fleet.time.jump(20 * 60_000);
    expect(slot.stands()).toBe(false);
    isCut = false;
    await fleet.time.pass(5000);
    expect(slot.stands()).toBe(false);
    // Its request is not over yet.
    expect((await occupy(slotsOf(replicas, 1), 'owner:a 1')).allowed).toBe(false);
    slot.release();
    await fleet.time.pass(3000);
    expect((await occupy(slotsOf(replicas, 1), 'owner:a 1')).allowed).toBe(true);
  });

  it('are told again to a Redis that has lost them', async () => {
    const replicas = await start(2);
    for (let i = 0; i < 4; i++) await occupied(slotsOf(replicas, i % 2), 'owner:a 4');
    await fleet.empty();
    fleet.server.run = 'b'.repeat(40);
    await fleet.time.pass(6000);
    for (let i = 0; i < 2; i++) expect((await occupy(slotsOf(replicas, i), 'owner:a 4')).allowed).toBe(false);
    expect((await occupy(slotsOf(replicas, 0), 'owner:a 5')).allowed).toBe(true);
  });

  it('stay in the books of Redis however long a stream lasts', async () => {
    const replicas = await start(2);
    await occupied(slotsOf(replicas, 0), 'owner:a 1');
    const before = replicas[0]?.heard['slots ok'] ?? 0;
    await fleet.time.pass(10 * 60_000);
    expect((replicas[0]?.heard['slots ok'] ?? 0) - before).toBeGreaterThanOrEqual(9);
    expect((await occupy(slotsOf(replicas, 1), 'owner:a 1')).allowed).toBe(false);
  });
});
