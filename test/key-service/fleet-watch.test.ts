import { setTimeout as pause } from 'node:timers/promises';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { FleetWatch } from '../../src/key-service/fleet/fleet-watch.ts';
import { openSqliteStore } from '../../src/key-service/store/sqlite.ts';
import type { KeyStore } from '../../src/key-service/store/store.ts';
import { FakeClock } from '../support/fake-clock.ts';

const FENCE = 2000;
const T0 = 0;
const ACME = {
  id: 'acme',
  profile: 'plexe',
  tier: 'basic',
  enabled: true,
  workspace: null,
  limits: null,
} as const;

let store: KeyStore;
let clock: FakeClock;
let watch: FleetWatch;
beforeEach(async () => {
  store = await openSqliteStore(':memory:');
  clock = new FakeClock();
  watch = new FleetWatch({ store, clock, fenceMs: FENCE, log: null });
});

const change = () => store.putOwner(ACME, T0);

async function renewed(id: string, staleIfErrorMs = 0, applied = 0): Promise<void> {
  const { epoch } = await store.fleet();
  await store.renewMembers([{ id, epoch, applied, staleIfErrorMs }]);
}

/** Each state is answered some time after it was read. */
function answerSlowly() {
  const fleet = store.fleet.bind(store);
  return vi.spyOn(store, 'fleet').mockImplementation(async () => {
    const state = await fleet();
    await pause(20);
    return state;
  });
}

describe('a reading', () => {
  test('is of a moment after it was asked for, though one is under way', async () => {
    const reads = answerSlowly();
    const early = watch.read();
    await pause(5);
    await change();
    const late = Array.from({ length: 10 }, () => watch.read());
    expect((await early).head).toBe(0);
    expect((await Promise.all(late)).map(({ head }) => head)).toEqual(Array.from({ length: 10 }, () => 1));
    expect(reads).toHaveBeenCalledTimes(2);
  });

  test('is made after one that failed', async () => {
    vi.spyOn(store, 'fleet').mockRejectedValueOnce(new Error('away'));
    const [failing, next] = [watch.read(), watch.read()];
    await expect(failing).rejects.toThrow('away');
    expect((await next).head).toBe(0);
  });
});

describe('a head', () => {
  test('is known since it was read', async () => {
    await change();
    const { epoch } = await watch.read();
    const at = clock.monotonic();
    clock.advance(5000);
    await watch.read();
    expect(watch.committedSince({ epoch, number: 1 })).toBe(at);
    expect(watch.committedSince({ epoch, number: 2 })).toBeNull();
    expect(watch.committedSince({ epoch: 'another', number: 1 })).toBeNull();
  });

  test.for<[string, (epoch: string) => Promise<void>]>([
    ['this process has seen', async () => void (await watch.read())],
    ['somebody else has seen', async (epoch) => watch.expect({ epoch, number: 3 })],
    ['a member has applied', async () => renewed('a', 0, 3)],
  ])('lower than one that %s ends the epoch', async ([, see]) => {
    for (let i = 0; i < 3; i++) await change();
    const { epoch } = await store.fleet();
    await see(epoch);
    const fleet = store.fleet.bind(store);
    vi.spyOn(store, 'fleet').mockImplementation(async () => ({ ...(await fleet()), head: 2 }));
    const state = await watch.read();
    expect(state.epoch).not.toBe(epoch);
    expect((await watch.read()).epoch).toBe(state.epoch);
  });

  test('that somebody hears of while an older one is being read ends nothing', async () => {
    const { epoch } = await watch.read();
    answerSlowly();
    const reading = watch.read();
    await pause(5);
    watch.expect({ epoch, number: await change() });
    expect((await reading).epoch).toBe(epoch);
    expect((await watch.read()).epoch).toBe(epoch);
  });

  test('of another epoch is no measure', async () => {
    const { epoch } = await watch.read();
    watch.expect({ epoch: 'another', number: 60 });
    expect((await watch.read()).epoch).toBe(epoch);
  });
});

describe('a member has lapsed', () => {
  const lapsed = async () => watch.lapsed(await watch.read()).map(({ id }) => id);

  test('when its row has stood still for its time, the fence and the margin', async () => {
    await renewed('short');
    await renewed('long', 8000);
    expect(await lapsed()).toEqual([]);
    clock.advance(1.15 * FENCE);
    expect(await lapsed()).toEqual([]);
    clock.advance(1);
    expect(await lapsed()).toEqual(['short']);
    clock.advance(1.15 * 8000);
    expect(await lapsed()).toEqual(['long', 'short']);
  });

  test('not when it has renewed meanwhile, with whichever process', async () => {
    await renewed('here');
    await renewed('there');
    await lapsed();
    clock.advance(1.15 * FENCE + 1);
    await renewed('there');
    watch.renewed(['here']);
    expect(await lapsed()).toEqual([]);
    expect([watch.idleMs('here'), watch.idleMs('there'), watch.idleMs('nobody')]).toEqual([0, 0, null]);
  });

  test('not by the time that a reading takes', async () => {
    await renewed('a');
    await watch.read();
    const fleet = store.fleet.bind(store);
    vi.spyOn(store, 'fleet').mockImplementationOnce(async () => {
      const state = await fleet();
      clock.advance(60_000);
      return state;
    });
    expect(await lapsed()).toEqual([]);
  });
});

describe('a Redis process that was named is settled', () => {
  const settled = async () => watch.settledNaming(await watch.read());

  test('when each member that was there may have forgotten the one before', async () => {
    await store.nameRedis('before');
    await renewed('a', 8000);
    await store.nameRedis('first');
    expect(await settled()).toBeNull();
    await renewed('later', 60_000);
    clock.advance(1.15 * (8000 + FENCE));
    expect(await settled()).toBeNull();
    clock.advance(1);
    const naming = await settled();
    expect(naming).toBe((await store.fleet()).redisNaming);
    await store.settleRedis(naming ?? -1);
    expect(await settled()).toBeNull();
  });

  test('not because it was named some time before, if another was named in between', async () => {
    await store.nameRedis('first');
    await settled();
    await store.nameRedis('second');
    await store.nameRedis('first');
    clock.advance(60_000);
    expect(await settled()).toBeNull();
  });
});
