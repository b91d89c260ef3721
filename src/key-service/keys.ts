import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../core/clock.ts';
import type { Owner } from '../core/key.ts';
import type { Profile } from '../core/profile.ts';
import type { Digest } from '../core/secret.ts';
import type { Change, ChangeListener, KeySource, Report, ReportSink, Resolution } from '../core/wire.ts';
import {
  readImport,
  readKey,
  readKeyList,
  readOwner,
  readPage,
  readPatch,
  readRotation,
  type ImportDraft,
  type KeyDraft,
  type KeyListQuery,
  type KeyPatch,
  type OwnerDraft,
  type PageQuery,
  type RotationDraft,
} from './drafts.ts';
import { PROGRAM } from './actor.ts';
import { History } from './history.ts';
import { viewOf, type KeyView } from './key-view.ts';
import type { KeyServiceLog } from './log.ts';
import { Mint, type Minted } from './mint.ts';
import type {
  CreateKeyOutcome,
  ImportKeysOutcome,
  ListKeysOutcome,
  ListOwnersOutcome,
  PatchKeyOutcome,
  PutOwnerOutcome,
  RevokeKeyOutcome,
  RotateKeyOutcome,
} from './outcomes.ts';
import { checkPeppers } from './pepper-check.ts';
import { Peppers, type PepperSet } from './peppers.ts';
import { rotate } from './rotation.ts';
import type { Actor } from './store/ledger.ts';
import type { InsertOptions, InsertOutcome, KeyStore } from './store/store.ts';
import { Subscribers } from './subscribers.ts';

export interface KeyServiceOptions {
  readonly store: KeyStore;
  readonly clock: Clock;
  readonly peppers: PepperSet;
  /** MUST be a cryptographic source. */
  readonly randomBytes: (size: number) => Uint8Array;
  readonly prefixes?: Readonly<Record<Profile, string>>;
  readonly log?: KeyServiceLog;
}

/** About 20 ms of work. */
const MINTED_PER_TURN = 500;

/**
 * The reference key service: makes, changes and ends keys, and answers what a digest stands for. Every listener has
 * been offered a change when the call that made it returns, in the order of the changes' numbers.
 */
export class KeyService implements KeySource, ReportSink {
  /** Usage and audit. */
  readonly history: History;
  readonly #store: KeyStore;
  readonly #clock: Clock;
  readonly #peppers: Peppers;
  readonly #mint: Mint;
  readonly #subscribers: Subscribers;
  readonly #log: KeyServiceLog | null;
  /** The end of the line of writes: one at a time, so that they are told of in the order they were committed in. */
  #lastWrite: Promise<unknown> = Promise.resolve();

  constructor({ store, clock, peppers, randomBytes, prefixes, log }: KeyServiceOptions) {
    this.#store = store;
    this.#clock = clock;
    this.history = new History(store, clock);
    this.#peppers = new Peppers(peppers);
    this.#mint = new Mint({ peppers: this.#peppers, randomBytes, prefixes });
    this.#log = log ?? null;
    this.#subscribers = new Subscribers(this.#log);
  }

  /** Call before the first question. Rejects where the store holds keys that the peppers cannot find. */
  start(): Promise<void> {
    return checkPeppers(this.#store, this.#peppers);
  }

  async resolve(digest: Digest, signal: AbortSignal): Promise<Resolution> {
    signal.throwIfAborted();
    const [current, ...older] = this.#peppers.hashes(digest);
    const found = await this.#store.resolve([current.hash, ...older.map((kept) => kept.hash)]);
    if (found.key === null) return { record: null, asOf: found.asOf };
    if (found.hash !== null && found.hash !== current.hash) {
      await this.#rehash(found.key.record.keyId, found.hash, current);
    }
    return { record: found.key.record, asOf: found.asOf };
  }

  /**
   * On use, because only then the digest is at hand: an HMAC under one pepper says nothing of the HMAC under another.
   * Keys nobody uses stay under the old pepper, so it is kept until `peppersInUse` no longer has it. The answer does
   * not depend on it; where it fails, the next use tries again.
   */
  async #rehash(keyId: string, from: string, to: { pepperId: string; hash: string }): Promise<void> {
    try {
      await this.#store.rehashKey(keyId, from, to);
    } catch (error) {
      const detail = error instanceof Error ? error.message : 'unknown error';
      this.#log?.warn({ keyId, detail }, 'a key could not be kept under the current pepper');
    }
  }

  /** Replaces all of the owner: what the draft leaves out is as if it had never been set. */
  async putOwner(id: string, draft: OwnerDraft, by: Actor = PROGRAM): Promise<PutOwnerOutcome> {
    const read = readOwner(id, draft);
    if (read.kind === 'invalid') return read;
    await this.#write(async () => {
      const audit = { ...by, action: 'owner.put' as const };
      const number = await this.#store.putOwner(read.value, this.#clock.now(), audit);
      this.#subscribers.publish([{ number, keyId: null, ownerId: id, digest: null }]);
    });
    return { kind: 'put', owner: read.value };
  }

  showOwner(id: string): Promise<Owner | null> {
    return this.#store.showOwner(id);
  }

  async listOwners(query: PageQuery): Promise<ListOwnersOutcome> {
    const read = readPage(query);
    if (read.kind === 'invalid') return read;
    return { kind: 'listed', page: read.value, ...(await this.#store.listOwners(read.value)) };
  }

  /** `throttle` bounds how many keys the owner's keys may make; the holder of the admin token needs none. */
  async createKey(
    draft: KeyDraft,
    by: Actor = PROGRAM,
    throttle: { readonly quota: number; readonly windowMs: number } | null = null,
  ): Promise<CreateKeyOutcome> {
    const now = this.#clock.now();
    const read = readKey(draft, now);
    if (read.kind === 'invalid') return read;
    const minted = this.#mint.create(read.value, by.keyId ?? 'admin', now);
    const inserted = await this.#insert([minted], {
      audit: { ...by, action: 'key.create' },
      throttle: throttle === null ? null : { ...throttle, ownerId: draft.owner },
    });
    if (inserted.kind === 'unknown_owner') return { kind: 'unknown_owner' };
    if (inserted.kind === 'throttled') return { kind: 'throttled', retryAfterMs: inserted.retryAt - now };
    if (inserted.kind === 'taken')
      throw new Error('two random keys are the same: the source of randomness is broken');
    const stored = await this.#store.showKey(minted.stored.keyId);
    if (stored === null) throw new Error('a key left the store right after it was made');
    return { kind: 'created', key: minted.key, view: viewOf(stored, now) };
  }

  async importKeys(drafts: readonly ImportDraft[], by: Actor = PROGRAM): Promise<ImportKeysOutcome> {
    const read = readImport(drafts);
    if (read.kind === 'invalid') return read;
    const now = this.#clock.now();
    const minted: Minted[] = [];
    for (const terms of read.value) {
      // A long import must not keep the process from answering others.
      if (minted.length > 0 && minted.length % MINTED_PER_TURN === 0) await nextTurn();
      minted.push(this.#mint.takeOver(terms, now));
    }
    const inserted = await this.#insert(minted, { audit: { ...by, action: 'key.import' } });
    if (inserted.kind === 'throttled') throw new Error('an import is not throttled');
    return inserted.kind === 'inserted' ? { kind: 'imported', imported: minted.length } : inserted;
  }

  async showKey(keyId: string): Promise<KeyView | null> {
    const key = await this.#store.showKey(keyId);
    return key === null ? null : viewOf(key, this.#clock.now());
  }

  async listKeys(query: KeyListQuery): Promise<ListKeysOutcome> {
    const now = this.#clock.now();
    const read = readKeyList(query, now);
    if (read.kind === 'invalid') return read;
    const { filter, page } = read.value;
    const { keys, total } = await this.#store.listKeys(filter, page);
    return { kind: 'listed', keys: keys.map((key) => viewOf(key, now)), total, page };
  }

  /** A revoked key is over and takes no changes; an expired one may be given a later end. */
  async patchKey(keyId: string, patch: KeyPatch, by: Actor = PROGRAM): Promise<PatchKeyOutcome> {
    const read = readPatch(patch, this.#clock.now());
    if (read.kind === 'invalid') return read;
    const patched = await this.#write(async () => {
      const audit = { ...by, action: 'key.patch' as const };
      const outcome = await this.#store.patchKey(keyId, read.value, this.#clock.now(), audit);
      if (outcome.kind === 'patched') this.#publishKeyChange(keyId, outcome.key.changeNumber);
      return outcome;
    });
    return patched.kind === 'patched'
      ? { kind: 'patched', view: viewOf(patched.key, this.#clock.now()) }
      : patched;
  }

  /**
   * Repeatable: the instant is that of the first call, and so is the change whose acknowledgements are counted.
   * `keepLast` refuses to end the only active key of an owner.
   */
  async revokeKey(
    keyId: string,
    by: Actor = PROGRAM,
    { keepLast = false }: { readonly keepLast?: boolean } = {},
  ): Promise<RevokeKeyOutcome> {
    return this.#write(async () => {
      const audit = { ...by, action: 'key.revoke' as const };
      const outcome = await this.#store.revokeKey(keyId, this.#clock.now(), { audit, keepLast });
      if (outcome.kind !== 'revoked') return outcome;
      const { changeNumber } = outcome.key;
      if (outcome.first) this.#publishKeyChange(keyId, changeNumber);
      const propagation = this.#subscribers.propagation(changeNumber);
      return { kind: 'revoked', keyId, revokedAt: outcome.revokedAt, propagation };
    });
  }

  /**
   * A new key on the terms of the old one, which goes on for the overlap and no longer than it would have. A key of
   * Plextera ends at once: there, a key that is replaced has no grace period.
   */
  async rotateKey(keyId: string, draft: RotationDraft, by: Actor = PROGRAM): Promise<RotateKeyOutcome> {
    const read = readRotation(draft);
    if (read.kind === 'invalid') return read;
    return this.#write(async () => {
      const now = this.#clock.now();
      const audit = { ...by, action: 'key.rotate' as const };
      const rotated = await rotate(this.#store, this.#mint, { keyId, ...read.value, audit, now });
      if (rotated.kind !== 'rotated') return rotated;
      const { minted, stored, old, firstNumber: number } = rotated;
      this.#subscribers.publish([
        { number, keyId: stored.record.keyId, ownerId: null, digest: minted.digest },
        { number: number + 1, keyId, ownerId: null, digest: null },
      ]);
      return { kind: 'rotated', key: minted.key, view: viewOf(stored, now), old: viewOf(old, now) };
    });
  }

  report(report: Report): Promise<void> {
    return this.history.report(report);
  }

  /**
   * Hears of every change committed from now on. A listener that throws has not acknowledged the change; it is
   * offered it again, before any later one, and the other listeners are told regardless.
   */
  subscribe(listener: ChangeListener): () => void {
    return this.#subscribers.add(listener);
  }

  /** The changes of the last 15 minutes at least, in order, as a listener would have heard them. */
  async keptChanges(): Promise<readonly Change[]> {
    const kept = await this.#store.keptChanges();
    return kept.map(({ number, keyId, ownerId, sealedDigest }) => ({
      number,
      keyId,
      ownerId,
      digest: sealedDigest === null ? null : this.#peppers.unseal(sealedDigest.pepperId, sealedDigest.text),
    }));
  }

  /** The number of the newest change; rejects where the store does not answer. */
  head(): Promise<number> {
    return this.#store.head();
  }

  #insert(minted: readonly Minted[], options: InsertOptions): Promise<InsertOutcome> {
    return this.#write(async () => {
      const stored = minted.map((key) => key.stored);
      const outcome = await this.#store.insertKeys(stored, this.#clock.now(), options);
      if (outcome.kind === 'inserted') {
        this.#subscribers.publish(
          minted.map(({ digest, stored: { keyId } }, i) => ({
            number: outcome.firstNumber + i,
            keyId,
            ownerId: null,
            digest,
          })),
        );
      }
      return outcome;
    });
  }

  #publishKeyChange(keyId: string, number: number): void {
    this.#subscribers.publish([{ number, keyId, ownerId: null, digest: null }]);
  }

  #write<T>(work: () => Promise<T>): Promise<T> {
    const written = this.#lastWrite.then(work);
    this.#lastWrite = written.catch(() => undefined);
    return written;
  }
}
