import type { Change } from '../../core/wire.ts';
import type { Peppers } from '../peppers.ts';
import type { Fleet, MemberRenewal } from '../store/fleet.ts';
import type { KeptChange } from '../store/store.ts';
import { within } from './deadline.ts';

/** What the store tells a member, with the digests in clear. */
export interface Told {
  readonly epoch: string;
  readonly head: number;
  readonly redisRun: string | null;
  readonly changes: readonly Change[];
}

/** So many changes are told at once; who is further behind asks again. */
export const CHANGES_AT_ONCE = 10_000;

interface Renewing {
  readonly row: MemberRenewal;
  /** The row goes. */
  readonly leaving: boolean;
}

interface Waiting extends Renewing {
  readonly resolve: (group: RenewalGroup) => void;
  readonly reject: (error: unknown) => void;
}

export interface RenewalGroupsOptions {
  readonly store: Fleet;
  readonly peppers: Peppers;
  /** A renewal that takes longer is of no use. */
  readonly deadlineMs: number;
  /** Called with the members whose rows have just been committed. */
  readonly committed: (ids: readonly string[]) => void;
}

/** Keeps rows of members: those that come while a transaction runs share the next one. */
export class RenewalGroups {
  readonly #options: RenewalGroupsOptions;
  #waiting: Waiting[] = [];
  #isWriting = false;

  constructor(options: RenewalGroupsOptions) {
    this.#options = options;
  }

  /** Resolves when the row is committed. */
  commit(renewing: Renewing): Promise<RenewalGroup> {
    const committed = new Promise<RenewalGroup>((resolve, reject) => {
      this.#waiting.push({ ...renewing, resolve, reject });
    });
    if (!this.#isWriting) void this.#write();
    return committed;
  }

  async #write(): Promise<void> {
    this.#isWriting = true;
    while (this.#waiting.length > 0) {
      const group = this.#waiting;
      this.#waiting = [];
      try {
        const { store, deadlineMs, peppers, committed } = this.#options;
        await within(deadlineMs, 'the store', keep(store, group));
        const told = new RenewalGroup(store, peppers);
        committed(group.map(({ row }) => row.id));
        for (const { resolve } of group) resolve(told);
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    this.#isWriting = false;
  }
}

async function keep(store: Fleet, group: readonly Renewing[]): Promise<void> {
  const leaving = new Set(group.filter((one) => one.leaving).map(({ row }) => row.id));
  const rows = group.map(({ row }) => row).filter(({ id }) => !leaving.has(id));
  if (rows.length > 0) await store.renewMembers(rows);
  for (const id of leaving) await store.forgetMember(id);
}

/** Members whose rows were committed together, and what the store tells them after that. */
export class RenewalGroup {
  readonly #store: Fleet;
  readonly #peppers: Peppers;
  readonly #told = new Map<number, Promise<Told>>();

  constructor(store: Fleet, peppers: Peppers) {
    this.#store = store;
    this.#peppers = peppers;
  }

  /** Asked once for each number, however many members want the same. */
  changesAfter(number: number): Promise<Told> {
    const told = this.#told.get(number) ?? tell(this.#store, this.#peppers, number);
    this.#told.set(number, told);
    return told;
  }
}

async function tell(store: Fleet, peppers: Peppers, after: number): Promise<Told> {
  const { changes, ...where } = await store.changesAfter(after, CHANGES_AT_ONCE);
  return { ...where, changes: changes.map((change) => changeOf(change, peppers)) };
}

function changeOf({ number, keyId, ownerId, sealedDigest }: KeptChange, peppers: Peppers): Change {
  const digest = sealedDigest && peppers.unseal(sealedDigest.pepperId, sealedDigest.text);
  return { number, keyId, ownerId, digest };
}
