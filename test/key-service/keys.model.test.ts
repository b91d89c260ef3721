import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { digestOf, type Digest } from '../../src/core/secret.ts';
import { DRAFT, testService, type TestService, keptChanges } from './fixture.ts';

/** What the key service ought to know, kept as simply as can be. */
interface ModelKey {
  readonly keyId: string;
  readonly digest: Digest;
  readonly ownerId: string;
  name: string;
  revokedAt: number | null;
  expiresAt: number | null;
  deprecatedAt: number | null;
}

interface Model {
  number: number;
  readonly owners: Map<string, { tier: string; enabled: boolean }>;
  readonly keys: ModelKey[];
  /** Key or owner id of each change, by number. */
  readonly changes: string[];
}

const OWNERS = ['a', 'b', 'c'];
const ownerId = fc.constantFrom(...OWNERS);
const index = fc.nat({ max: 1000 });

const operation = fc.oneof(
  fc.record({
    kind: fc.constant('put' as const),
    ownerId,
    tier: fc.constantFrom('t1', 't2'),
    enabled: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('create' as const), ownerId }),
  fc.record({
    kind: fc.constant('import' as const),
    ownerId,
    texts: fc.array(fc.nat({ max: 60 }), { maxLength: 4 }),
  }),
  fc.record({ kind: fc.constant('patch' as const), index, name: fc.constantFrom('x', 'y', '') }),
  fc.record({ kind: fc.constant('revoke' as const), index }),
  fc.record({ kind: fc.constant('rotate' as const), index, overlapMs: fc.constantFrom(0, 5, 40) }),
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

test(
  'after any of 1,000 operations the service knows what a simple model knows',
  { timeout: 60_000 },
  async () => {
    const sequences = fc.array(operation, { minLength: 100, maxLength: 100, size: 'max' });
    await fc.assert(
      fc.asyncProperty(sequences, async (operations) => {
        const keys = await testService();
        const model: Model = { number: 1, owners: new Map(), keys: [], changes: ['', 'acme'] };
        for (const one of operations) {
          keys.clock.at += 1;
          const expected = predict(model, one, keys.clock.at);
          expect(await apply(keys, model, one)).toBe(expected);
          expect(await keys.service.head()).toBe(model.number);
        }
        await compare(keys, model);
        await keys.store.close();
      }),
      { numRuns: 10 },
    );
  },
);

/** The kind of outcome the operation must have. */
function predict(model: Model, one: Operation, now: number): string {
  const key = 'index' in one ? keyAt(model, one.index) : undefined;
  switch (one.kind) {
    case 'put':
      return 'put';
    case 'create':
      return model.owners.has(one.ownerId) ? 'created' : 'unknown_owner';
    case 'import': {
      const taken = one.texts.some((text) => model.keys.some((known) => known.keyId === importedId(text)));
      if (one.texts.length === 0 || new Set(one.texts).size < one.texts.length) return 'invalid';
      if (!model.owners.has(one.ownerId)) return 'unknown_owner';
      return taken ? 'taken' : 'imported';
    }
    case 'patch':
      if (one.name === '') return 'invalid';
      if (key === undefined) return 'unknown_key';
      return key.revokedAt === null ? 'patched' : 'revoked';
    case 'revoke':
      return key === undefined ? 'unknown_key' : 'revoked';
    case 'rotate':
      if (key === undefined) return 'unknown_key';
      if (key.deprecatedAt !== null) return 'replaced';
      if (key.revokedAt !== null) return 'revoked';
      return key.expiresAt !== null && key.expiresAt <= now ? 'expired' : 'rotated';
  }
}

/** Does the operation to both and answers the kind of outcome it had. */
async function apply({ service, clock }: TestService, model: Model, one: Operation): Promise<string> {
  const key = 'index' in one ? keyAt(model, one.index) : undefined;
  switch (one.kind) {
    case 'put': {
      const { tier, enabled } = one;
      const { kind } = await service.putOwner(one.ownerId, { profile: 'plexe', tier, enabled });
      model.owners.set(one.ownerId, { tier, enabled });
      commit(model, one.ownerId);
      return kind;
    }
    case 'create': {
      const outcome = await service.createKey({ ...DRAFT, owner: one.ownerId });
      if (outcome.kind === 'created')
        add(model, outcome.view.record.keyId, outcome.key.digest(), one.ownerId);
      return outcome.kind;
    }
    case 'import': {
      const owner = one.ownerId;
      const drafts = one.texts.map((text) => ({
        ...DRAFT,
        owner,
        sha256: importedDigest(text),
        keyId: importedId(text),
      }));
      const { kind } = await service.importKeys(drafts);
      if (kind === 'imported')
        for (const text of one.texts) add(model, importedId(text), importedDigest(text), owner);
      return kind;
    }
    case 'patch': {
      const { kind } = await service.patchKey(key?.keyId ?? 'key_none', { name: one.name });
      if (key !== undefined && kind === 'patched') {
        key.name = one.name;
        commit(model, key.keyId);
      }
      return kind;
    }
    case 'revoke': {
      const { kind } = await service.revokeKey(key?.keyId ?? 'key_none');
      if (key !== undefined && key.revokedAt === null) {
        key.revokedAt = clock.at;
        commit(model, key.keyId);
      }
      return kind;
    }
    case 'rotate': {
      const overlap = `${one.overlapMs}ms`;
      const outcome = await service.rotateKey(key?.keyId ?? 'key_none', { overlap });
      if (key !== undefined && outcome.kind === 'rotated') {
        const { record } = outcome.view;
        add(model, record.keyId, outcome.key.digest(), key.ownerId, key);
        key.expiresAt = Math.min(key.expiresAt ?? Infinity, clock.at + one.overlapMs);
        key.deprecatedAt = clock.at;
        commit(model, key.keyId);
      }
      return outcome.kind;
    }
  }
}

function keyAt({ keys }: Model, index: number): ModelKey | undefined {
  return keys[index % Math.max(1, keys.length)];
}

function add(
  model: Model,
  keyId: string,
  digest: Digest,
  ownerId: string,
  { name, expiresAt }: Pick<ModelKey, 'name' | 'expiresAt'> = { name: 'a key', expiresAt: null },
): void {
  model.keys.push({ keyId, digest, ownerId, name, expiresAt, revokedAt: null, deprecatedAt: null });
  commit(model, keyId);
}

function commit(model: Model, id: string): void {
  model.number += 1;
  model.changes.push(id);
}

function importedId(text: number): string {
  return `key-${text}`;
}

function importedDigest(text: number): Digest {
  return digestOf(`imported ${text}`);
}

async function compare(keys: TestService, model: Model): Promise<void> {
  for (const { keyId, digest, ownerId, name, revokedAt, expiresAt, deprecatedAt } of model.keys) {
    expect(await keys.resolve(digest)).toMatchObject({
      asOf: model.number,
      record: {
        keyId,
        name,
        revokedAt,
        expiresAt,
        deprecatedAt,
        owner: { id: ownerId, ...model.owners.get(ownerId) },
      },
    });
  }
  expect((await keys.resolve(digestOf('never made'))).record).toBeNull();
  const numbered = model.changes.map((id, number) => ({ number, id })).slice(1);
  const told = keys.heard.map((change) => ({ number: change.number, id: change.keyId ?? change.ownerId }));
  expect(told).toEqual(numbered.slice(1));
  const kept = await keptChanges(keys.service);
  expect(kept.slice(1)).toEqual(keys.heard);
}
