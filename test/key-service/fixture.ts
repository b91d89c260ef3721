import { randomBytes } from 'node:crypto';
import type { Clock } from '../../src/core/clock.ts';
import { Secret, type Digest } from '../../src/core/secret.ts';
import type { Change } from '../../src/core/wire.ts';
import { KeyService } from '../../src/key-service/keys.ts';
import type { KeyDraft } from '../../src/key-service/drafts.ts';
import type { PepperSet } from '../../src/key-service/peppers.ts';
import { openSqliteStore } from '../../src/key-service/store/sqlite.ts';
import type { KeyStore } from '../../src/key-service/store/store.ts';

export const T0 = Date.UTC(2030, 0, 1);

/** A clock that stands still until it is told otherwise. */
export class TestClock implements Clock {
  at = T0;

  now(): number {
    return this.at;
  }

  monotonic(): number {
    return this.at;
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
  /** Everything a listener heard since the start. */
  readonly heard: Change[];
  /** Makes a key and answers its text, digest and id. */
  readonly create: (draft?: Partial<KeyDraft>) => Promise<{ text: string; digest: Digest; keyId: string }>;
  readonly resolve: (digest: Digest) => ReturnType<KeyService['resolve']>;
}

/** A key service over a store in memory, or over `store`, with one owner `acme`. */
export async function testService(
  options: { store?: KeyStore; peppers?: PepperSet } = {},
): Promise<TestService> {
  const store = options.store ?? (await openSqliteStore(':memory:'));
  const clock = new TestClock();
  const service = new KeyService({ store, clock, peppers: options.peppers ?? pepperSet('p1'), randomBytes });
  await service.start();
  await service.putOwner('acme', { profile: 'plexe', tier: 'basic' });
  const heard: Change[] = [];
  service.subscribe((change) => heard.push(change));
  return {
    service,
    store,
    clock,
    heard,
    async create(draft = {}) {
      const created = await service.createKey({ ...DRAFT, ...draft });
      if (created.kind !== 'created') throw new Error(JSON.stringify(created));
      return { text: created.key.reveal(), digest: created.key.digest(), keyId: created.view.record.keyId };
    },
    resolve: (digest) => service.resolve(digest, new AbortController().signal),
  };
}
