import type { KeyRecord } from '../../../src/core/key.ts';
import type { Digest } from '../../../src/core/secret.ts';
import type { Change, Grant, Renewal, Resolution } from '../../../src/core/wire.ts';
import { recordOf } from '../../support/key-record.ts';
import type { RedisModel } from './redis-model.ts';
import type { Chance, Simulation, Spans } from './simulation.ts';

export const FENCE_MS = 2000;
export const STALE_MS = 6000;
/** Clocks may differ by so much in what they call a second, and a little more. */
const MARGIN = 1.15;
/** So few that a member often has to ask for the rest. */
const CHANGES_IN_A_GRANT = 3;

interface KeyOfModel {
  readonly digest: Digest;
  record: KeyRecord;
  revokedAt: number | null;
  /** When the revoke call answered that it is certain. */
  returnedAt: number | null;
}

export interface KeyServiceFaults {
  readonly down: Spans;
  readonly cutFromRedis: Spans;
  /** From when it speaks to the second Redis process, and names it. */
  readonly switchesAt: number;
  /** When the store loses its newest changes, but for revocations, and is given another epoch for that. */
  readonly newEpochAt: number;
  /** How many changes are kept. */
  readonly keeps: number;
}

/** A key service as its documents promise it, with every step a moment of its own. */
export class KeyServiceModel {
  readonly keys: readonly KeyOfModel[];
  readonly #simulation: Simulation;
  readonly #chance: Chance;
  readonly #redis: RedisModel;
  readonly #faults: KeyServiceFaults;
  readonly #rows = new Map<string, { epoch: string | null; applied: number; at: number }>();
  #changes: Change[] = [];
  #head = 0;
  /** Changes since the latest revocation. */
  #mayBeLost = 0;
  /** Told of each change that is published. */
  publish: (head: number) => void = () => undefined;
  fenced = 0;

  constructor(
    parts: { simulation: Simulation; chance: Chance; redis: RedisModel; faults: KeyServiceFaults },
    digests: readonly Digest[],
  ) {
    this.#simulation = parts.simulation;
    this.#chance = parts.chance;
    this.#redis = parts.redis;
    this.#faults = parts.faults;
    this.#simulation.at(parts.faults.newEpochAt, () => this.#loseChanges());
    this.keys = digests.map((digest, i) => ({
      digest,
      record: recordOf({ keyId: `k${i}`, owner: { id: `o${i}` } }),
      revokedAt: null,
      returnedAt: null,
    }));
  }

  get isDown(): boolean {
    return this.#faults.down.has(this.#simulation.now);
  }

  get #epoch(): string {
    return this.#simulation.now < this.#faults.newEpochAt ? 'e0' : 'e1';
  }

  get #process(): 0 | 1 {
    return this.#simulation.now < this.#faults.switchesAt ? 0 : 1;
  }

  resolve(digest: Digest): Resolution {
    const key = this.keys.find((one) => one.digest === digest);
    return { record: key?.record ?? null, asOf: this.#head };
  }

  /** The member's row first; what it is told is read at a later moment, which may never come. */
  renew(member: string, { epoch, applied }: Renewal, answer: (grant: Grant) => void): void {
    this.#rows.set(member, { epoch, applied, at: this.#simulation.now });
    const readAt = this.#simulation.now + (this.#chance.is(0.3) ? this.#chance.between(0, 300) : 0);
    this.#simulation.at(readAt, () => {
      if (!this.isDown) answer(this.#grant(epoch === this.#epoch ? applied : 0));
    });
  }

  #grant(applied: number): Grant {
    const changes = this.#changes.filter(({ number }) => number > applied).slice(0, CHANGES_IN_A_GRANT);
    return {
      epoch: this.#epoch,
      head: this.#head,
      changes,
      fenceMs: FENCE_MS,
      now: this.#simulation.now,
      redisRun: this.#redis.processes[this.#process].run,
    };
  }

  rename(index: number): void {
    const key = this.keys[index];
    if (key === undefined || this.isDown) return;
    key.record = { ...key.record, name: `${key.record.name}+` };
    this.#commit(key);
    this.#announce(() => undefined);
  }

  revoke(index: number): void {
    const key = this.keys[index];
    if (key === undefined || this.isDown || key.revokedAt !== null) return;
    const { now } = this.#simulation;
    key.revokedAt = now;
    key.record = { ...key.record, revokedAt: now };
    const number = this.#commit(key);
    let wroteAt: number | null = null;
    this.#announce(() => {
      wroteAt = this.#simulation.now;
    });
    this.#simulation.at(now + this.#chance.between(0, 10), () => {
      const members = [...this.#rows.keys()];
      const poll = (): void => {
        const isOver = !this.isDown && this.#isCertain(number, now, wroteAt, members);
        if (isOver) key.returnedAt = this.#simulation.now;
        else this.#simulation.at(this.#simulation.now + 50, poll);
      };
      poll();
    });
  }

  #commit(key: KeyOfModel): number {
    const number = ++this.#head;
    this.#changes.push({ number, keyId: key.record.keyId, ownerId: null, digest: null });
    if (this.#changes.length > this.#faults.keeps) this.#changes.shift();
    this.#mayBeLost = key.revokedAt === null ? this.#mayBeLost + 1 : 0;
    return number;
  }

  #loseChanges(): void {
    this.#head -= this.#mayBeLost;
    this.#changes = this.#changes.filter(({ number }) => number <= this.#head);
    this.#mayBeLost = 0;
  }

  #announce(written: () => void): void {
    const head = this.#head;
    this.#simulation.at(this.#simulation.now + this.#chance.between(0, 30), () => {
      const { now } = this.#simulation;
      if (this.isDown || this.#faults.cutFromRedis.has(now)) return;
      this.#redis.raise(this.#process, now, { epoch: this.#epoch, number: head });
      this.publish(head);
      written();
    });
  }

  /** Each has acknowledged, or has nothing left that it might use. */
  #isCertain(
    number: number,
    committedAt: number,
    wroteAt: number | null,
    members: readonly string[],
  ): boolean {
    const { now } = this.#simulation;
    const lapseMs = MARGIN * (STALE_MS + FENCE_MS);
    for (const [id, { at }] of this.#rows) if (now - at > lapseMs) this.#rows.delete(id);
    const waiting = members.filter((id) => {
      const row = this.#rows.get(id);
      return row !== undefined && (row.epoch !== this.#epoch || row.applied < number);
    });
    if (waiting.length === 0) return true;
    const sinceSwitch = now - this.#faults.switchesAt;
    const named = sinceSwitch >= 0 && sinceSwitch < lapseMs;
    const witnessed = wroteAt !== null && !named && now - Math.max(wroteAt, committedAt) > MARGIN * FENCE_MS;
    const over = witnessed || now - committedAt > lapseMs;
    if (over) this.fenced++;
    return over;
  }
}
