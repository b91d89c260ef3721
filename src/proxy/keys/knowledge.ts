import type { Clock } from '../../core/clock.ts';
import type { KeyRecord } from '../../core/key.ts';
import type { Digest } from '../../core/secret.ts';
import type { Grant } from '../../core/wire.ts';
import { Changes } from './changes.ts';
import { ageOf, type Moment } from './moment.ts';

/** What somebody has said of a digest, with all that tells whether it may be used. */
export interface Answer {
  readonly digest: Digest;
  readonly record: KeyRecord | null;
  /** The newest change it has seen. */
  readonly asOf: number;
  /** The knowledge's when the question was sent. */
  readonly generation: number;
  /** Before the question was sent: an answer is never younger than its question. */
  readonly askedAt: Moment;
  /** From the key service to this process; else from Redis. */
  readonly firstHand: boolean;
  /** The count of changes at which it was last found current, so that it need not be looked for again; -1 at first. */
  currentAt: number;
}

/**
 * `certain`: as good as the key service's own word of at most a fence ago. `confirmed`: with the key service away, a
 * witness says that nothing has changed. `unconfirmed`: nobody has said so lately. `outdated`: it is not so any more.
 */
export type Judgement = 'certain' | 'confirmed' | 'unconfirmed' | 'outdated';

/** What a witness has read: the Redis process that answered, and the head that stands there. */
export interface Reading {
  readonly run: string;
  /** Null where none stands there that is genuine. */
  readonly head: { readonly epoch: string; readonly number: number } | null;
}

export interface KnowledgeOptions {
  readonly clock: Clock;
  /** At most; the key service may grant less. */
  readonly fenceMs: number;
  /** How long to go on without the key service while a witness confirms; 0 where there is none. */
  readonly staleIfErrorMs: number;
}

/**
 * All that this process knows of what has changed, and since when it has known nothing more. Every answer of a key is
 * judged here, at the moment of its use: a judgement MUST NOT be kept over an await.
 *
 * - An answer is `outdated` by a change after its `asOf` that touches its key, owner or digest; where those changes
 *   are forgotten; and by a new epoch.
 * - Else it counts while the latest renewal is younger than the fence: that one has told of every change before it.
 * - So does an answer of the key service itself whose question is younger than the fence, of a member that the key
 *   service still waits for when it revokes.
 * - With the key service away: while the latest renewal is younger than `staleIfErrorMs` and a witness has said within
 *   the fence that nothing has changed since, where the route allows it.
 *
 * Ages count from before a question was sent, by the clock that says more.
 */
export class Knowledge {
  readonly #options: KnowledgeOptions;
  readonly #changes: Changes;
  #epoch: string | null = null;
  #generation = 0;
  #applied = 0;
  /** The newest change that an answer has seen, and when that came, by the monotonic clock. */
  #seen = 0;
  #seenAt = 0;
  #fenceMs: number;
  #redisRun: string | null = null;
  #renewedAt: Moment | null = null;
  #confirmedAt: Moment | null = null;
  #alone = false;
  /** The key service's time, and when it was asked for. */
  #time: { readonly now: number; readonly askedAt: Moment } | null = null;

  constructor(options: KnowledgeOptions) {
    this.#options = options;
    this.#changes = new Changes(options.clock);
    this.#fenceMs = options.fenceMs;
  }

  /** Null before the first renewal. */
  get epoch(): string | null {
    return this.#epoch;
  }

  /** Rises when nothing that was known counts any longer. */
  get generation(): number {
    return this.#generation;
  }

  /** Every change up to this one is known. */
  get applied(): number {
    return this.#applied;
  }

  get fenceMs(): number {
    return this.#fenceMs;
  }

  get redisRun(): string | null {
    return this.#redisRun;
  }

  /** The key service offers no renewals: its answers count by themselves, each for a fence. */
  get alone(): boolean {
    return this.#alone;
  }

  /** Of the latest complete renewal; infinite before the first. */
  get renewalAgeMs(): number {
    return this.#ageOf(this.#renewedAt);
  }

  /** Of the witness' latest word, where that was a confirmation; else infinite. */
  get confirmationAgeMs(): number {
    return this.#ageOf(this.#confirmedAt);
  }

  /** How long anything may be used after the latest renewal. */
  longestMs(mayBeStale: boolean): number {
    return mayBeStale ? Math.max(this.#options.staleIfErrorMs, this.#fenceMs) : this.#fenceMs;
  }

  /** The time by which keys expire: the key service's, never behind it. */
  now(): number {
    return this.#time === null ? this.#options.clock.now() : this.#time.now + this.#ageOf(this.#time.askedAt);
  }

  judge(answer: Answer, mayBeStale: boolean): Judgement {
    if (!this.#isCurrent(answer)) return 'outdated';
    const renewalAgeMs = this.renewalAgeMs;
    if (renewalAgeMs < this.#fenceMs) return 'certain';
    const { staleIfErrorMs } = this.#options;
    const isMember = this.#alone || renewalAgeMs < staleIfErrorMs + this.#fenceMs;
    if (answer.firstHand && isMember && this.#ageOf(answer.askedAt) < this.#fenceMs) return 'certain';
    const isConfirmed = renewalAgeMs < staleIfErrorMs && this.confirmationAgeMs < this.#fenceMs;
    return mayBeStale && isConfirmed ? 'confirmed' : 'unconfirmed';
  }

  allows(answer: Answer, mayBeStale: boolean): boolean {
    const judged = this.judge(answer, mayBeStale);
    return judged === 'certain' || judged === 'confirmed';
  }

  /** Takes in the answer to a renewal sent at that moment. `partial`: there is more to be told, so ask again. */
  learn(grant: Grant, sentAt: Moment): 'complete' | 'partial' {
    // A head that has gone back tells that the store has lost changes, and that their numbers mean others now.
    const seen = sentAt.monotonic > this.#seenAt ? this.#seen : 0;
    if (grant.epoch !== this.#epoch || grant.head < Math.max(this.#applied, seen)) this.#begin(grant.epoch);
    this.#fenceMs = Math.min(this.#options.fenceMs, grant.fenceMs);
    this.#redisRun = grant.redisRun;
    this.#time = { now: grant.now, askedAt: sentAt };
    for (const change of grant.changes) {
      if (change.number <= this.#applied) continue;
      if (change.number > this.#applied + 1) this.#changes.forget(change.number - 1);
      this.#changes.apply(change);
      this.#applied = change.number;
    }
    if (grant.changes.length === 0 && grant.head > this.#applied) {
      this.#changes.forget(grant.head);
      this.#applied = grant.head;
    }
    if (this.#applied < grant.head) return 'partial';
    this.#renewedAt = sentAt;
    return 'complete';
  }

  /**
   * What an answer tells of changes before any renewal does: how many there are at least, and that a key it calls revoked
   * was so before, so that what older answers said of the key is outdated from now on, also for requests under way.
   */
  hearOf({ digest, record, asOf, generation }: Answer): void {
    if (generation !== this.#generation) return;
    if (asOf > this.#seen) {
      this.#seen = asOf;
      this.#seenAt = this.#options.clock.monotonic();
    }
    if (record === null || record.revokedAt === null) return;
    this.#changes.apply({ number: asOf, keyId: record.keyId, ownerId: null, digest });
  }

  /** Takes in what a witness has read, when asked at that moment, and says whether it confirms that nothing changed. */
  hear({ run, head }: Reading, askedAt: Moment): boolean {
    const confirms =
      run === this.#redisRun && head !== null && head.epoch === this.#epoch && head.number <= this.#applied;
    this.#confirmedAt = confirms ? askedAt : null;
    return confirms;
  }

  /** There are no renewals to be had. Not after the first: who has granted once is waited for. */
  standAlone(): void {
    this.#alone = true;
  }

  #begin(epoch: string): void {
    this.#epoch = epoch;
    this.#generation++;
    this.#applied = 0;
    this.#seen = 0;
    this.#alone = false;
    this.#renewedAt = null;
    this.#changes.clear();
  }

  #isCurrent(answer: Answer): boolean {
    const { count } = this.#changes;
    if (answer.currentAt === count) return true;
    const { digest, record, asOf } = answer;
    const about = { digest, keyId: record?.keyId ?? null, ownerId: record?.owner.id ?? null };
    if (answer.generation !== this.#generation || !this.#changes.isCurrent(about, asOf)) return false;
    answer.currentAt = count;
    return true;
  }

  #ageOf(moment: Moment | null): number {
    return moment === null ? Infinity : ageOf(moment, this.#options.clock);
  }
}
