import type { FleetState } from '../store/fleet.ts';

/**
 * What is added to every time that ends a member's knowledge: two processes' clocks may run at rates that differ by a
 * tenth.
 */
export const MARGIN = 1.15;

/** Of the members that were there, who has confirmed a change and who, gone or cut off, uses nothing older any more. */
export interface Propagation {
  readonly members: number;
  readonly acked: number;
  readonly fenced: number;
  readonly fencedMembers: readonly string[];
  /** Those that may still use what is older. */
  readonly waitingMembers: readonly string[];
}

/** What is known of a change, by this process' monotonic clock. */
export interface Course {
  /** It was in the store by then. */
  readonly committedAt: number;
  /** From then on no Redis that a member may lean on confirms an older head; null: one may yet. */
  readonly witnessedAt: number | null;
}

export interface Standing {
  readonly propagation: Propagation;
  /** How long it is until all have acked or are fenced, if nobody acks any more; 0: they are. */
  readonly leftMs: number;
}

/** How far a change has got among the members that were there after its commit; whoever came later knows of it. */
export class Reach {
  readonly #number: number;
  readonly #members: number;
  /** Those that have not acknowledged, and how long each may go on without the key service. */
  readonly #waiting: Map<string, number>;
  /** Those that have not acknowledged and whose rows have gone. */
  readonly #gone: string[] = [];

  /** `state` MUST be of a moment after the commit. */
  constructor(number: number, state: FleetState) {
    this.#number = number;
    this.#members = state.members.length;
    this.#waiting = new Map(state.members.map(({ id, staleIfErrorMs }) => [id, staleIfErrorMs]));
    this.see(state);
  }

  /** Those that have not acknowledged and may yet. */
  get waiting(): readonly string[] {
    return [...this.#waiting.keys()];
  }

  /**
   * A row counts in the store's own epoch only, and not where it is ahead of the head: numbers it has seen were lost.
   * A member whose row has gone has stopped, or was not heard of until it had nothing left to use: it is fenced.
   */
  see({ epoch, head, members }: FleetState): void {
    const rows = new Map(members.map((row) => [row.id, row]));
    for (const id of this.#waiting.keys()) {
      const row = rows.get(id);
      const acked = row?.epoch === epoch && row.applied >= this.#number && row.applied <= head;
      if (row === undefined) this.#gone.push(id);
      if (row === undefined || acked) this.#waiting.delete(id);
    }
  }

  standing(now: number, course: Course, fenceMs: number): Standing {
    const ends = [...this.#waiting].map(([id, staleIfErrorMs]) => ({
      id,
      at: fencedAt(staleIfErrorMs, course, fenceMs),
    }));
    const fencedMembers = [...this.#gone, ...ends.filter(({ at }) => at <= now).map(({ id }) => id)];
    const acked = this.#members - ends.length - this.#gone.length;
    return {
      propagation: {
        members: this.#members,
        acked,
        fenced: fencedMembers.length,
        fencedMembers,
        waitingMembers: ends.filter(({ at }) => at > now).map(({ id }) => id),
      },
      leftMs: ends.reduce((longest, { at }) => Math.max(longest, at - now), 0),
    };
  }
}

/**
 * When a member that does not answer uses nothing older than the change any more. Its knowledge ends a fence after
 * its last renewal, or, while Redis confirms that there is no newer change, `staleIfErrorMs` after it; and what Redis
 * confirmed just before it was told of the change holds for one fence more.
 */
function fencedAt(staleIfErrorMs: number, { committedAt, witnessedAt }: Course, fenceMs: number): number {
  const atTheLatest = committedAt + MARGIN * (staleIfErrorMs + fenceMs);
  if (witnessedAt === null) return atTheLatest;
  return Math.min(atTheLatest, Math.max(committedAt, witnessedAt) + MARGIN * fenceMs);
}
