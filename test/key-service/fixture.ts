import { randomBytes } from 'node:crypto';
import type { Clock } from '../../src/core/clock.ts';
import { Secret, type Digest } from '../../src/core/secret.ts';
import type { Change } from '../../src/core/wire.ts';
import { KeyService, type KeyServiceOptions } from '../../src/key-service/keys.ts';
import type { KeyDraft } from '../../src/key-service/drafts.ts';
import type { PepperSet } from '../../src/key-service/peppers.ts';
import { TestMember } from '../support/member.ts';
import { openSqliteStore } from '../../src/key-service/store/sqlite.ts';
import type { KeyStore } from '../../src/key-service/store/store.ts';

export const T0 = Date.UTC(2030, 0, 1);

/** A time of day that stands still until it is told otherwise; what is waited for passes by itself as well. */
export class TestClock implements Clock {
  at = T0;

  now(): number {
    return this.at;
  }

  monotonic(): number {
    return performance.now() + (this.at - T0);
  }
}

export function pepperSet(...ids: readonly [string, ...string[]]): PepperSet {
  return { current: ids[0], secrets: new Map(ids.map((id) => [id, new Secret(`pepper called ${id}`)])) };
}

export const DRAFT: KeyDraft = { owner: 'acme', name: 'a key', profile: 'plexe', permission: 'read_write' };

export interface TestService {
  readonly service: KeyService;
  readonly store: KeyStore;
  readonly clock: TestClock;
  /** A member of the fleet from the start, in this process. */
  readonly member: TestMember;
  /** Every change that member was told of, but for the owner's at the start. */
  readonly heard: readonly Change[];
  /** Makes a key and answers its text, digest and id. */
  readonly create: (draft?: Partial<KeyDraft>) => Promise<{ text: string; digest: Digest; keyId: string }>;
  readonly resolve: (digest: Digest) => ReturnType<KeyService['resolve']>;
}

/** A key service over a store in memory, or over `store`, with one owner `acme`. */
export async function testService(
  options: Pick<Partial<KeyServiceOptions>, 'store' | 'peppers' | 'fenceMs' | 'redis' | 'events'> = {},
): Promise<TestService> {
  const store = options.store ?? (await openSqliteStore(':memory:'));
  const clock = new TestClock();
  const service = new KeyService({ peppers: pepperSet('p1'), ...options, store, clock, randomBytes });
  await service.start();
  await service.putOwner('acme', { profile: 'plexe', tier: 'basic' });
  const member = await TestMember.join(service, { news: service.onNews });
  const before = member.changes.length;
  return {
    service,
    store,
    clock,
    member,
    get heard() {
      return member.changes.slice(before);
    },
    async create(draft = {}) {
      const created = await service.createKey({ ...DRAFT, ...draft });
      if (created.kind !== 'created') throw new Error(JSON.stringify(created));
      return { text: created.key.reveal(), digest: created.key.digest(), keyId: created.view.record.keyId };
    },
    resolve: (digest) => service.resolve(digest, new AbortController().signal),
  };
}

/** The changes that the store still has, as a member that begins is told of them. */
export async function keptChanges(service: KeyService): Promise<readonly Change[]> {
  const nobody = { epoch: null, applied: 0, staleIfErrorMs: 0, leaving: true };
  return (await service.renew('nobody', nobody, new AbortController().signal)).changes;
}

/**
 * A member that has stopped renewing and may go on for a minute by a Redis nobody here can reach: until that minute is
 * over no revocation is certain.
 */
export async function joinAndVanish({ service, store }: TestService): Promise<TestMember> {
  await store.nameRedis('out of reach');
  const member = await TestMember.join(service, { staleIfErrorMs: 60_000 });
  member.silence();
  return member;
}
