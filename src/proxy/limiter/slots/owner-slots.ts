import { NO_SLOT } from '../../../core/limit.ts';
import { RedisError } from '../../../runtime/redis/redis.ts';
import type { SlotsCall, SlotsReply } from './slots-call.ts';
import type { SlotsRoom } from './shared-slots.ts';
import { SLOT_RETRY_MS, slotOf, UNAVAILABLE, type SlotClaim, type SlotOutcome } from './slots.ts';

/** What this process has of one partition. */
interface Part {
  readonly partition: string;
  /** By its requests and streams. */
  occupied: number;
  /** As Redis surely has it, or less. */
  held: number;
  slots: number;
  /** The most that were occupied in this stretch of time and in the one before it. */
  peak: number;
  peakBefore: number;
}

interface Waiter {
  readonly claims: readonly SlotClaim[];
  readonly resolve: (outcome: SlotOutcome) => void;
}

const ATTEMPTS = 4;
const PAUSE_MS = 25;
/** For how long slots that were occupied a moment ago are kept for the next request. */
const KEPT_MS = 1000;
/** How often Redis is told again of what lasts. */
const AGAIN_MS = 60_000;

/**
 * What this process occupies of one owner's slots. One call at a time is under way, and says all of it; requests that
 * come meanwhile go with the next one together.
 */
export class OwnerSlots {
  readonly #owner: string;
  readonly #room: SlotsRoom;
  readonly #parts = new Map<string, Part>();
  #waiters: Waiter[] = [];
  #run: string | null = null;
  #number = 0;
  /** What this process holds is to be told to Redis, with or without a request that waits. */
  #toTell = false;
  /** Members whose slots the next call takes out. */
  #gone: readonly string[] = [];
  #lapses: number;
  #serving: Promise<void> | null = null;
  #cancel: (() => void) | null = null;

  constructor(owner: string, room: SlotsRoom) {
    this.#owner = owner;
    this.#room = room;
    this.#lapses = room.lapses();
  }

  occupy(claims: readonly SlotClaim[]): SlotOutcome | Promise<SlotOutcome> {
    for (const claim of claims) this.#partOf(claim).slots = claim.slots;
    if (this.#waiters.length === 0 && this.#hasHeld(claims)) return this.#grant(claims);
    return new Promise((resolve) => {
      this.#waiters.push({ claims, resolve });
      this.#serve();
    });
  }

  /** Nothing is occupied or held, and nobody waits. */
  get isEmpty(): boolean {
    return (
      this.#serving === null && [...this.#parts.values()].every((part) => part.held + part.occupied === 0)
    );
  }

  /** Gives back what is not occupied, and resolves when Redis knows what is. False where it could not be told. */
  async tell(): Promise<boolean> {
    for (const part of this.#parts.values()) part.peak = part.peakBefore = 0;
    this.#toTell = true;
    this.#serve();
    await this.#serving;
    return !this.#toTell;
  }

  end(): void {
    this.#cancel?.();
  }

  #partOf({ partition, slots }: SlotClaim): Part {
    let part = this.#parts.get(partition);
    if (part === undefined) {
      part = { partition, slots, occupied: 0, held: 0, peak: 0, peakBefore: 0 };
      this.#parts.set(partition, part);
    }
    return part;
  }

  #hasHeld(claims: readonly SlotClaim[]): boolean {
    const lapses = this.#room.lapses();
    if (lapses !== this.#lapses) {
      this.#lapses = lapses;
      for (const part of this.#parts.values()) part.held = 0;
    }
    return claims.every((claim) => {
      const { occupied, held } = this.#partOf(claim);
      return occupied < Math.min(held, claim.slots);
    });
  }

  #grant(claims: readonly SlotClaim[]): SlotOutcome {
    const parts = claims.map((claim) => this.#partOf(claim));
    for (const part of parts) {
      part.occupied++;
      part.peak = Math.max(part.peak, part.occupied);
    }
    const release = (): void => {
      for (const part of parts) part.occupied--;
      if (!this.#room.keeps) {
        this.#toTell = true;
        this.#serve();
      } else if (this.#serving === null) this.#schedule();
    };
    const before = this.#room.lapses();
    return { allowed: true, slot: slotOf(() => this.#room.lapses() === before, release) };
  }

  #serve(): void {
    this.#serving ??= this.#serveAll().finally(() => {
      this.#serving = null;
      this.#schedule();
      if (this.#waiters.length > 0) this.#serve();
    });
  }

  async #serveAll(): Promise<void> {
    for (let attempts = 0; this.#waiters.length > 0 || this.#toTell;) {
      if (attempts === ATTEMPTS) {
        this.#giveUp();
        return;
      }
      if (attempts > 0) await this.#room.pause(PAUSE_MS);
      attempts = (await this.#step()) ? 0 : attempts + 1;
    }
  }

  /** One call. False where whoever waits got no answer by it, or it has to be made again. */
  async #step(): Promise<boolean> {
    const run = this.#run ?? this.#room.run;
    const asked = this.#waiters.length > 0 && (await this.#room.isOpen(run)) ? [...this.#waiters] : [];
    if (asked.length === 0 && !this.#toTell) return false;
    const parts = [...this.#parts.values()];
    const held = parts.map((part) => part.held);
    // From here on it may be as little as the call says, until its outcome is known.
    for (const part of parts) part.held = Math.min(part.held, part.occupied);
    this.#toTell = false;
    try {
      const reply = await this.#room.call(this.#write(run, parts, asked));
      this.#run = reply.run;
      if (reply.kind === 'done') {
        await this.#took(reply, parts, asked);
        return asked.length > 0 || this.#waiters.length === 0;
      }
      for (const [i, part] of parts.entries()) part.held = held[i] ?? 0;
    } catch (error) {
      if (!(error instanceof RedisError)) throw error;
      if (error.kind === 'refused') for (const [i, part] of parts.entries()) part.held = held[i] ?? 0;
    }
    this.#toTell = true;
    return false;
  }

  #write(run: string, parts: readonly Part[], asked: readonly Waiter[]): Omit<SlotsCall, 'id' | 'by'> {
    const { keeps } = this.#room;
    return {
      owner: this.#owner,
      number: ++this.#number,
      run,
      parts: parts.map(({ partition, occupied, slots, peak, peakBefore }) => ({
        partition,
        occupied,
        keep: keeps ? Math.max(peak, peakBefore) : 0,
        slots,
      })),
      asked: asked.map(({ claims }) =>
        claims.map(({ partition }) => parts.findIndex((part) => part.partition === partition)),
      ),
      gone: this.#gone,
    };
  }

  async #took(
    reply: SlotsReply & { readonly kind: 'done' },
    parts: readonly Part[],
    asked: readonly Waiter[],
  ): Promise<void> {
    for (const [i, part] of parts.entries()) part.held = reply.held[i] ?? 0;
    this.#waiters = this.#waiters.slice(asked.length);
    const refused: Waiter[] = [];
    for (const [i, waiter] of asked.entries()) {
      if (this.#room.isStopped) waiter.resolve(UNAVAILABLE);
      else if (reply.granted[i] === true) waiter.resolve(this.#grant(waiter.claims));
      else refused.push(waiter);
    }
    this.#gone = refused.length === 0 ? [] : await this.#room.gone(reply.members);
    // Slots of members that are no more stand in nobody's way.
    if (this.#gone.length > 0) this.#waiters.unshift(...refused);
    else for (const { resolve } of refused) resolve({ allowed: false, retryAfterMs: SLOT_RETRY_MS });
  }

  /** Redis is out of reach: what is held is what there is. */
  #giveUp(): void {
    for (const { claims, resolve } of this.#waiters.splice(0)) {
      const { whenDown } = this.#room;
      if (whenDown === 'open') {
        this.#room.opened();
        resolve({ allowed: true, slot: NO_SLOT });
      } else if (whenDown === 'share' && this.#hasHeld(claims)) resolve(this.#grant(claims));
      else resolve(UNAVAILABLE);
    }
  }

  #schedule(): void {
    this.#cancel?.();
    const parts = [...this.#parts.values()];
    const keepsMore = parts.some(({ held, occupied }) => held > occupied);
    if (!keepsMore && !this.#toTell && parts.every(({ held }) => held === 0)) return;
    this.#cancel = this.#room.after(keepsMore || this.#toTell ? KEPT_MS : AGAIN_MS, () => {
      for (const part of this.#parts.values()) {
        part.peakBefore = part.peak;
        part.peak = part.occupied;
      }
      this.#toTell = true;
      this.#serve();
    });
  }
}
