import type { Kysely, Transaction } from 'kysely';
import { hasName } from './name-search.ts';
import { KEY_COLUMNS, type KeyRow } from './rows.ts';
import type { StoreSchema } from './schema.ts';
import type { KeyFilter, KeyStatus, NewKey } from './store.ts';

/** Null columns where no key is kept under the hashes. */
export type ResolvedRow = { as_of: number; digest_hash: string | null } & (KeyRow | { key_id: null });

/** Head and key by one statement, hence of one snapshot. */
export function resolveQuery(db: Kysely<StoreSchema>, hashes: readonly string[]) {
  return db
    .selectFrom('head')
    .leftJoin('keys', (join) => join.on('keys.digest_hash', 'in', hashes))
    .leftJoin('owners', 'owners.id', 'keys.owner_id')
    .select(KEY_COLUMNS)
    .select(['head.number as as_of', 'keys.digest_hash']);
}

export function keysWithOwners(db: Kysely<StoreSchema>) {
  return db.selectFrom('keys').innerJoin('owners', 'owners.id', 'keys.owner_id');
}

/** The keys that the filter lets pass, and that are in `part` in place of the filter's own status; null is all. */
export function filteredKeys(
  db: Kysely<StoreSchema>,
  filter: KeyFilter,
  part: KeyStatus | 'ended' | null = filter.status,
) {
  const { ownerId, profile, workspace, name, now } = filter;
  let query = db.selectFrom('keys');
  if (ownerId !== null) query = query.where('keys.owner_id', '=', ownerId);
  if (profile !== null) query = query.where('keys.profile', '=', profile);
  if (workspace !== null) {
    const owners = db.selectFrom('owners').select('owners.id').where('owners.workspace', '=', workspace);
    query = query.where('keys.owner_id', 'in', owners);
  }
  if (name !== null) query = query.where(hasName(name));
  switch (part) {
    case null:
      return query;
    case 'revoked':
      return query.where('keys.revoked_at', 'is not', null);
    case 'expired':
      return query.where('keys.revoked_at', 'is', null).where('keys.expires_at', '<=', now);
    case 'ended':
      return query.where((where) =>
        where.or([where('keys.revoked_at', 'is not', null), where('keys.expires_at', '<=', now)]),
      );
    case 'active':
      return query
        .where('keys.revoked_at', 'is', null)
        .where((where) =>
          where.or([where('keys.expires_at', 'is', null), where('keys.expires_at', '>', now)]),
        );
  }
}

/** The first of `keys` whose digest, under whichever pepper, or whose id the store already has. */
export async function firstTaken(
  tx: Transaction<StoreSchema>,
  keys: readonly NewKey[],
): Promise<{ kind: 'taken'; index: number; what: 'digest' | 'key_id' } | null> {
  const hashes = keys.flatMap((key) => [key.digest.hash, ...key.olderHashes]);
  const ids = keys.map((key) => key.keyId);
  const rows = await tx
    .selectFrom('keys')
    .select(['key_id', 'digest_hash'])
    .where((where) => where.or([where('digest_hash', 'in', hashes), where('key_id', 'in', ids)]))
    .execute();
  if (rows.length === 0) return null;
  const takenHashes = new Set(rows.map((row) => row.digest_hash));
  const takenIds = new Set(rows.map((row) => row.key_id));
  for (const [index, key] of keys.entries()) {
    if ([key.digest.hash, ...key.olderHashes].some((hash) => takenHashes.has(hash))) {
      return { kind: 'taken', index, what: 'digest' };
    }
    if (takenIds.has(key.keyId)) return { kind: 'taken', index, what: 'key_id' };
  }
  return null;
}
