import { CLOCK_RATES } from '../../core/lease.ts';
import type { Limit } from '../../core/limit.ts';
import { silenceMs } from '../../core/share.ts';
import { LAPSE_MS } from './members-call.ts';
import type { MembersView } from './members-view.ts';

/** The span in which the last beat was made that Redis may have seen. */
export interface Contact {
  readonly earliest: number;
  readonly latest: number;
}

/** When Redis has last heard of this member, and when the books did that were lost since. */
export class Contacts {
  #last: Contact | null = null;
  #lapses = 0;
  /** The contact from which on the member goes by its own rule, and the process whose books must know all first. */
  #lost: { readonly contact: Contact; readonly run: string } | null = null;
  /** Whether the others may have heard that this member has told those books what it spent. */
  #hasTold = false;

  get last(): Contact | null {
    return this.#last;
  }

  /** The Redis process whose books do not yet know all that counts; null where none were lost. */
  get lostRun(): string | null {
    return this.#lost?.run ?? null;
  }

  /** How often, up to `now`, it was so long that the others may have given away what was this member's. */
  lapsesBy(now: number): number {
    const isOver = this.#last !== null && now - this.#last.earliest > LAPSE_MS / CLOCK_RATES;
    return this.#lapses + (isOver ? 1 : 0);
  }

  heard(earliest: number, latest: number): void {
    this.#lapses = this.lapsesBy(latest);
    this.#last = { earliest, latest };
  }

  /** A beat without an answer may have been heard, until then. */
  mayHaveBeenUntil(latest: number): void {
    if (this.#last === null) return;
    this.#last = { earliest: this.#last.earliest, latest };
    if (this.#lost === null) return;
    const { contact, run } = this.#lost;
    this.#lost = { contact: { earliest: contact.earliest, latest }, run };
  }

  /** A beat is sent, which says what books know of this member. */
  tells(runs: readonly string[]): void {
    if (this.#lost !== null && runs.includes(this.#lost.run)) this.#hasTold = true;
  }

  /** Books were lost; those of this process take their place. */
  lose(run: string): void {
    if (this.#last === null) return;
    this.#lost = { contact: this.#last, run };
    this.#hasTold = false;
  }

  /** The books know all again. */
  found(): void {
    this.#lost = null;
  }

  /**
   * The last contact at which the books of such a limit may have been used. While the member `isApart` they may have
   * been at any time since it has told them: the others need no more of it to believe them.
   */
  of(limit: Limit, view: MembersView | null, isApart: boolean): Contact | null {
    if (this.#lost === null || this.#last === null || (isApart && this.#hasTold)) return this.#last;
    const usedUntil = this.#last.latest + silenceMs(limit.windowMs);
    return view?.isOutlived(this.#lost.run, limit, usedUntil) === true ? this.#last : this.#lost.contact;
  }
}
