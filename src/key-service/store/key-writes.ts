import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Kysely } from 'kysely';
import { standingOf } from '../../core/key.ts';
import { auditChange } from './audit.ts';
import type { AuditDraft } from './ledger.ts';
import { filteredKeys, firstTaken, keysWithOwners } from './queries.ts';
import { KEY_COLUMNS, keyFromRow, limitsToText, rowFromNewKey } from './rows.ts';
import type { StoreSchema } from './schema.ts';
import {
  MADE_BY_NO_KEY,
  type CreationThrottle,
  type InsertOptions,
  type InsertOutcome,
  type NewKey,
  type PatchOutcome,
  type Replacement,
  type RevokeOptions,
  type RevokeOutcome,
  type RotateOutcome,
  type StoredKey,
  type StoredPatch,
} from './store.ts';
import { changeOfKey, changeOfNewKey, recordChanges, type Tx } from './write.ts';

/** Rows per statement: 21 columns each must stay under SQLite's 32,766 parameters. */
const ROWS_PER_STATEMENT = 500;

type RefusedInsert = Exclude<InsertOutcome, { kind: 'inserted' }>;

/** Rolls the transaction back: part of the keys may already stand in it. */
export class Refused extends Error {
  readonly outcome: RefusedInsert;

  constructor(outcome: RefusedInsert) {
    super(outcome.kind);
    this.outcome = outcome;
  }
}

/** Throws `Refused` where the keys cannot be inserted. */
export async function insertKeys(
  tx: Tx,
  head: number,
  keys: readonly NewKey[],
  at: number,
  { audit, throttle }: InsertOptions,
): Promise<InsertOutcome> {
  if (throttle !== null && throttle !== undefined) await refuseThrottled(tx, throttle, at);
  for (let start = 0; start < keys.length; start += ROWS_PER_STATEMENT) {
    // A long import must not keep the process from answering others.
    if (start > 0) await nextTurn();
    const part = keys.slice(start, start + ROWS_PER_STATEMENT);
    const refused = await refusal(tx, part);
    if (refused !== null) throw new Refused({ ...refused, index: start + refused.index });
    const first = head + 1 + start;
    await tx
      .insertInto('keys')
      .values(part.map((key, i) => rowFromNewKey(key, first + i)))
      .execute();
    const changes = part.map((key, i) => changeOfNewKey(key, first + i, at));
    await recordChanges(tx, at, changes);
  }
  await auditChange(tx, audit, at, { ...subjectOf(keys), count: keys.length });
  return { kind: 'inserted', firstNumber: head + 1 };
}

async function refuseThrottled(tx: Tx, throttle: CreationThrottle, at: number): Promise<void> {
  const { ownerId, quota, windowMs } = throttle;
  const oldestInWay = await tx
    .selectFrom('keys')
    .select('created_at')
    .where('owner_id', '=', ownerId)
    .where('created_at', '>', at - windowMs)
    .where('created_by', 'not in', MADE_BY_NO_KEY)
    .where('created_by', 'not like', '%@%')
    .orderBy('created_at', 'desc')
    .offset(quota - 1)
    .limit(1)
    .executeTakeFirst();
  if (oldestInWay !== undefined) {
    throw new Refused({ kind: 'throttled', retryAt: oldestInWay.created_at + windowMs });
  }
}

async function refusal(
  tx: Tx,
  keys: readonly NewKey[],
): Promise<Exclude<RefusedInsert, { kind: 'throttled' }> | null> {
  const ids = [...new Set(keys.map((key) => key.ownerId))];
  const owners = await tx.selectFrom('owners').select('id').where('id', 'in', ids).execute();
  const known = new Set(owners.map((owner) => owner.id));
  const index = keys.findIndex((key) => !known.has(key.ownerId));
  return index === -1 ? firstTaken(tx, keys) : { kind: 'unknown_owner', index };
}

/** The one key, and the one owner, of the keys; null where they are several. */
function subjectOf(keys: readonly NewKey[]): { keyId: string | null; ownerId: string | null } {
  const [first] = keys;
  const ofOne = keys.every((key) => key.ownerId === first?.ownerId);
  return {
    keyId: keys.length === 1 ? (first?.keyId ?? null) : null,
    ownerId: ofOne ? (first?.ownerId ?? null) : null,
  };
}

export async function patchKey(
  tx: Tx,
  head: number,
  keyId: string,
  patch: StoredPatch,
  at: number,
  audit: AuditDraft | null,
): Promise<PatchOutcome> {
  const before = await keyById(tx, keyId);
  if (before === null) return { kind: 'unknown_key' };
  if (before.record.revokedAt !== null) return { kind: 'revoked' };
  await tx
    .updateTable('keys')
    .set({
      change_number: head + 1,
      ...(patch.name === undefined ? {} : { name: patch.name }),
      ...(patch.description === undefined ? {} : { description: patch.description }),
      ...(patch.expiresAt === undefined ? {} : { expires_at: patch.expiresAt }),
      ...(patch.limits === undefined ? {} : { limits: limitsToText(patch.limits) }),
      ...(patch.mcps === undefined ? {} : { mcps: JSON.stringify(patch.mcps) }),
    })
    .where('key_id', '=', keyId)
    .execute();
  await recordChanges(tx, at, [changeOfKey(keyId, head + 1, at)]);
  await auditChange(tx, audit, at, { keyId, ownerId: before.record.owner.id });
  return { kind: 'patched', key: await changedKey(tx, keyId) };
}

export async function revokeKey(
  tx: Tx,
  head: number,
  keyId: string,
  at: number,
  { audit, keepLast }: RevokeOptions,
): Promise<RevokeOutcome> {
  const before = await keyById(tx, keyId);
  if (before === null) return { kind: 'unknown_key' };
  const { revokedAt, owner } = before.record;
  const subject = { keyId, ownerId: owner.id };
  if (revokedAt !== null) {
    await auditChange(tx, audit, at, subject, 'repeated');
    return { kind: 'revoked', key: before, revokedAt, first: false };
  }
  if (keepLast === true && (await isLastActive(tx, before, at))) return { kind: 'last_key' };
  await tx
    .updateTable('keys')
    .set({ revoked_at: at, change_number: head + 1 })
    .where('key_id', '=', keyId)
    .execute();
  await recordChanges(tx, at, [changeOfKey(keyId, head + 1, at)]);
  await auditChange(tx, audit, at, subject);
  return { kind: 'revoked', key: await changedKey(tx, keyId), revokedAt: at, first: true };
}

/** Whether the key is active and no other key of its owner is. */
async function isLastActive(tx: Tx, { record }: StoredKey, now: number): Promise<boolean> {
  if (record.expiresAt !== null && record.expiresAt <= now) return false;
  const others = {
    ownerId: record.owner.id,
    profile: null,
    status: 'active',
    workspace: null,
    name: null,
    now,
  } as const;
  const other = await filteredKeys(tx, others)
    .select('keys.key_id')
    .where('keys.key_id', '!=', record.keyId)
    .limit(1)
    .executeTakeFirst();
  return other === undefined;
}

export async function rotateKey(
  tx: Tx,
  head: number,
  keyId: string,
  replacement: (old: StoredKey) => Replacement,
  at: number,
  audit: AuditDraft | null,
): Promise<RotateOutcome> {
  const old = await keyById(tx, keyId);
  if (old === null) return { kind: 'unknown_key' };
  if (old.replacedBy !== null) return { kind: 'replaced', by: old.replacedBy };
  const standing = standingOf(old.record, at);
  if (standing === 'revoked' || standing === 'expired') return { kind: standing };
  const { key, oldExpiresAt } = replacement(old);
  await insertKeys(tx, head, [key], at, {});
  await tx
    .updateTable('keys')
    .set({ deprecated_at: at, replaced_by: key.keyId, expires_at: oldExpiresAt, change_number: head + 2 })
    .where('key_id', '=', keyId)
    .execute();
  await recordChanges(tx, at, [changeOfKey(keyId, head + 2, at)]);
  await auditChange(tx, audit, at, { keyId, ownerId: old.record.owner.id });
  return {
    kind: 'rotated',
    key: await changedKey(tx, key.keyId),
    old: await changedKey(tx, keyId),
    firstNumber: head + 1,
  };
}

export async function keyById(db: Kysely<StoreSchema>, keyId: string): Promise<StoredKey | null> {
  const row = await keysWithOwners(db)
    .select(KEY_COLUMNS)
    .where('keys.key_id', '=', keyId)
    .executeTakeFirst();
  return row === undefined ? null : keyFromRow(row);
}

async function changedKey(tx: Tx, keyId: string): Promise<StoredKey> {
  const key = await keyById(tx, keyId);
  if (key === null) throw new Error('a key left the store inside the transaction that changed it');
  return key;
}
