import { CLOCK_RATES } from '../../core/lease.ts';
import type { Limit } from '../../core/limit.ts';
import { partOf, silenceMs } from '../../core/share.ts';
import { LAPSE_MS, REGISTRY_MS, type BeatReply } from './members-call.ts';

/** How late a busy member may be with its beat. */
const LATE_MS = 250;

/** The registry as a member read it, between two of its instants. */
export class MembersView {
  readonly sentAt: number;
  readonly receivedAt: number;
  readonly reply: BeatReply & { readonly kind: 'done' };

  constructor(reply: BeatReply & { readonly kind: 'done' }, sentAt: number, receivedAt: number) {
    this.reply = reply;
    this.sentAt = sentAt;
    this.receivedAt = receivedAt;
  }

  /** Members that have not left. */
  get count(): number {
    return this.reply.rows.reduce((sum, { hasLeft }) => sum + (hasLeft ? 0 : 1), 0);
  }

  /** Whether the others count on this member. */
  has(member: string): boolean {
    return this.reply.rows.some(
      ({ id, quietMs, hasLeft }) => id === member && !hasLeft && quietMs <= LAPSE_MS,
    );
  }

  /** Units of a limit that are kept for members other than `self` that are silent, or have not said what they spent. */
  reserved({ quota, windowMs }: Limit, run: string, self: string): number {
    let units = 0;
    for (const { id, held, quietMs, told } of this.reply.rows) {
      if (id === self || held === null || quietMs > LAPSE_MS + windowMs) continue;
      if (quietMs > silenceMs(windowMs) || !told.includes(run)) units += partOf(quota, held);
    }
    return units;
  }

  /** Whether something is kept for a member that is silent only since a moment ago: it may just be busy. */
  isOneLate({ windowMs }: Limit): boolean {
    const silentMs = silenceMs(windowMs);
    return this.reply.rows.some(
      ({ held, quietMs }) => held !== null && quietMs > silentMs && quietMs <= silentMs + LATE_MS,
    );
  }

  /** Whether all members have put what they spent into the books of this Redis process. */
  allTold(run: string, now: number): boolean {
    const { rows, madeMs } = this.reply;
    return madeMs + this.#agoMs(now) >= REGISTRY_MS && rows.every(({ told }) => told.includes(run));
  }

  /** Whether nothing that the books of this process do not know counts in such a window any more. */
  isOutlived(run: string, { windowMs }: Limit, now: number): boolean {
    const knownMs = this.reply.runs.get(run);
    if (knownMs === undefined || this.reply.madeMs + this.#agoMs(now) < REGISTRY_MS) return false;
    return knownMs + this.#agoMs(now) > (windowMs + 4 * silenceMs(windowMs)) * CLOCK_RATES;
  }

  /** Redis' time since the view was made, at the least. */
  #agoMs(now: number): number {
    return Math.max(0, now - this.receivedAt) / CLOCK_RATES;
  }
}
