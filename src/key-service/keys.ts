import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../core/clock.ts';
import type { Owner } from '../core/key.ts';
import type { Profile } from '../core/profile.ts';
import type { Digest } from '../core/secret.ts';
import type {
  Grant,
  KeySource,
  News,
  Renewal,
  Renewals,
  Report,
  ReportSink,
  Resolution,
} from '../core/wire.ts';
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
import { makerOf, PROGRAM } from './actor.ts';
import { UNCOUNTED, type KeyServiceEvents } from './events.ts';
import type { RedisAnnouncements } from './fleet/announcer.ts';
import { within } from './fleet/deadline.ts';
import { Members, type FleetView } from './fleet/members.ts';
import type { Standing } from './fleet/reach.ts';
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
import { Resolver } from './resolver.ts';
import { revocationOf, type RevocationOutcome } from './revocation.ts';
import { rotate } from './rotation.ts';
import type { Actor } from './store/ledger.ts';
import type { InsertOptions, InsertOutcome, KeyStore } from './store/store.ts';

export interface KeyServiceOptions {
  readonly store: KeyStore;
  readonly clock: Clock;
  readonly peppers: PepperSet;
  /** MUST be a cryptographic source. */
  readonly randomBytes: (size: number) => Uint8Array;
  readonly prefixes?: Readonly<Record<Profile, string>>;
  /** Where members hear of changes from; null or absent: from renewals alone. */
  readonly redis?: RedisAnnouncements | null;
  /** How long members may use what they know without a renewal. The same in all processes over a store. */
  readonly fenceMs?: number;
  readonly events?: KeyServiceEvents;
  readonly log?: KeyServiceLog;
}

const FENCE_MS = 2000;
/** Long enough to wait for the longest import before it. */
const COMMIT_MS = 10_000;

export interface RevokeKeyOptions {
  readonly keepLast?: boolean;
  /** Told how it stands from when it is in the store, again and again until it is answered. */
  readonly watch?: (standing: Standing) => void;
  readonly signal?: AbortSignal;
}

/** Of a caller that does not leave. */
const STAYS = new AbortController().signal;

/** About 20 ms of work. */
const MINTED_PER_TURN = 500;

/**
 * The reference key service: makes, changes and ends keys, answers what a digest stands for, and keeps its members,
 * the gates, in step. When a call that changes something returns, the members that answer know of it; when a
 * revocation is answered as certain, no member accepts the key.
 */
export class KeyService implements KeySource, Renewals, ReportSink {
  /** Usage and audit. */
  readonly history: History;
  readonly #store: KeyStore;
  readonly #clock: Clock;
  readonly #peppers: Peppers;
  readonly #mint: Mint;
  readonly #resolver: Resolver;
  readonly #members: Members;
  readonly #events: KeyServiceEvents;

  constructor({ store, clock, randomBytes, prefixes, ...options }: KeyServiceOptions) {
    const { redis = null, fenceMs = FENCE_MS, events = UNCOUNTED, log = null } = options;
    const peppers = new Peppers(options.peppers);
    this.#store = store;
    this.#clock = clock;
    this.#peppers = peppers;
    this.#events = events;
    this.history = new History(store, clock);
    this.#mint = new Mint({ peppers, randomBytes, prefixes });
    this.#resolver = new Resolver(store, peppers, log);
    this.#members = new Members({ store, clock, peppers, fenceMs, redis, events, log });
  }

  /**
   * Call before the first question, and `stop` at the end. Rejects where the store does not answer or holds keys that
   * the peppers cannot find.
   */
  async start(): Promise<void> {
    await checkPeppers(this.#store, this.#peppers);
    await this.#members.start();
  }

  stop(): Promise<void> {
    return this.#members.stop();
  }

  resolve(digest: Digest, signal: AbortSignal): Promise<Resolution> {
    return this.#resolver.resolve(digest, signal);
  }

  renew(member: string, renewal: Renewal, signal: AbortSignal): Promise<Grant> {
    return this.#members.renew(member, renewal, signal);
  }

  /** Calls after every change that this process has made: the members in it need not wait to hear of it. */
  get onNews(): News {
    return this.#members.news;
  }

  members(): Promise<FleetView> {
    return this.#members.view();
  }

  /** Replaces all of the owner: what the draft leaves out is as if it had never been set. */
  async putOwner(id: string, draft: OwnerDraft, by: Actor = PROGRAM): Promise<PutOwnerOutcome> {
    const read = readOwner(id, draft);
    if (read.kind === 'invalid') return read;
    const audit = { ...by, action: 'owner.put' as const };
    await this.#members.settle(await this.#store.putOwner(read.value, this.#clock.now(), audit));
    return { kind: 'put', owner: read.value };
  }

  showOwner(id: string): Promise<Owner | null> {
    return this.#store.showOwner(id);
  }

  /** Those whose id begins with `start`. */
  async listOwners(query: PageQuery, start?: string): Promise<ListOwnersOutcome> {
    const read = readPage(query);
    if (read.kind === 'invalid') return read;
    return { kind: 'listed', page: read.value, ...(await this.#store.listOwners(read.value, start)) };
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
    const minted = this.#mint.create(read.value, makerOf(by), now);
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
    const audit = { ...by, action: 'key.patch' as const };
    const outcome = await this.#store.patchKey(keyId, read.value, this.#clock.now(), audit);
    if (outcome.kind !== 'patched') return outcome;
    await this.#members.settle(outcome.key.changeNumber);
    return { kind: 'patched', view: viewOf(outcome.key, this.#clock.now()) };
  }

  /**
   * Repeatable: the instant is that of the first call, and so is the change whose acknowledgements are waited for.
   * `keepLast` refuses to end the only active key of an owner. The wait ends with the signal.
   */
  async revokeKey(
    keyId: string,
    by: Actor = PROGRAM,
    { keepLast = false, signal = STAYS, watch }: RevokeKeyOptions = {},
  ): Promise<RevokeKeyOutcome> {
    const startedAt = this.#clock.monotonic();
    const audit = { ...by, action: 'key.revoke' as const };
    const revoking = this.#store.revokeKey(keyId, this.#clock.now(), { audit, keepLast });
    const outcome = await within(COMMIT_MS, 'the store', revoking);
    if (outcome.kind !== 'revoked') return outcome;
    const { key, revokedAt, first } = outcome;
    const { propagation, leftMs } = await this.#members.confirm(key.changeNumber, first, signal, watch);
    const result = leftMs > 0 ? 'uncertain' : propagation.fenced > 0 ? 'fenced' : 'certain';
    this.#events.revoked(result, this.#clock.monotonic() - startedAt);
    return result === 'uncertain'
      ? { kind: 'uncertain', keyId, revokedAt, certainAt: this.#clock.now() + leftMs, propagation }
      : { kind: 'revoked', keyId, revokedAt, propagation };
  }

  /** How far the revocation of a key has got; asks and does not wait. */
  revocation(keyId: string): Promise<RevocationOutcome> {
    return revocationOf(keyId, this.#store, this.#members, this.#clock);
  }

  /**
   * A new key on the terms of the old one, which goes on for the overlap and no longer than it would have. A key of
   * Plextera ends at once: there, a key that is replaced has no grace period.
   */
  async rotateKey(keyId: string, draft: RotationDraft, by: Actor = PROGRAM): Promise<RotateKeyOutcome> {
    const read = readRotation(draft);
    if (read.kind === 'invalid') return read;
    const now = this.#clock.now();
    const audit = { ...by, action: 'key.rotate' as const };
    const rotated = await rotate(this.#store, this.#mint, { keyId, ...read.value, audit, now });
    if (rotated.kind !== 'rotated') return rotated;
    const { minted, stored, old } = rotated;
    await this.#members.settle(old.changeNumber);
    return { kind: 'rotated', key: minted.key, view: viewOf(stored, now), old: viewOf(old, now) };
  }

  report(report: Report): Promise<void> {
    return this.history.report(report);
  }

  /** The number of the newest change; rejects where the store does not answer. */
  head(): Promise<number> {
    return this.#store.head();
  }

  async #insert(minted: readonly Minted[], options: InsertOptions): Promise<InsertOutcome> {
    const stored = minted.map((key) => key.stored);
    const outcome = await this.#store.insertKeys(stored, this.#clock.now(), options);
    if (outcome.kind === 'inserted') await this.#members.settle(outcome.firstNumber + minted.length - 1);
    return outcome;
  }
}
