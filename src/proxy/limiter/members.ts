import { CLOCK_RATES } from '../../core/lease.ts';
import type { Limit } from '../../core/limit.ts';
import { silenceMs, type Held } from '../../core/share.ts';
import { RedisError } from '../../runtime/redis/redis.ts';
import { beat, leave, look, type Beat, type BeatReply } from './members-call.ts';
import { Contacts } from './contacts.ts';
import type { MembersOptions } from './members-options.ts';
import { MembersView } from './members-view.ts';
import type { Ride } from './redis-books.ts';

/** How long a beat may take to reach Redis. */
const BEAT_MS = 100;
/** How often a member that makes no other calls beats, in silences. */
const PACE = 0.9;
/** The start waits for longer than a new registry needs to be believed. */
const [STARTING_MS, AWAY_PACE_MS, IDLE_PACE_MS] = [2500, 50, 2000];

/**
 * This process among those that share the limits: its beats, what it knows of the others, and whether it may use the
 * books. While Redis is not there it only looks: a beat whose answer is lost would be contact for the others.
 */
export class Members {
  readonly #options: MembersOptions;
  /** What it knows of the others; null before it was one of them. */
  view: MembersView | null = null;
  /** The Redis process that answered last; null before the first answer. */
  run: string | null = null;
  /** Its part of every limit; null: none. */
  held: Held | null = null;
  readonly contacts = new Contacts();
  /** How often another Redis process was met: what was leased before may be in no books. */
  moves = 0;
  #away = true;
  /** A round tells the books, or has a beat under way: Redis may hear of this member at any moment. */
  #isHeard = false;
  #told: readonly string[] = [];
  #untold = true;
  readonly #seen = new Set<string>();
  #forgotten = false;
  #number = 0;
  #silenceMs = IDLE_PACE_MS;
  #longestMs = 0;
  #round: Promise<void> | null = null;
  #cancel: (() => void) | null = null;
  #stopped = false;

  constructor(options: MembersOptions) {
    this.#options = options;
  }

  /** Begins to beat; resolves when the books may be used, or when it is plain that this will take its time. */
  async start(): Promise<void> {
    const { clock, timers } = this.#options;
    const until = clock.monotonic() + STARTING_MS;
    await this.refresh();
    const longest = { quota: 1, windowMs: this.#longestMs };
    while (!this.#away && clock.monotonic() < until) {
      if (this.isSettled(this.run ?? '', longest, clock.monotonic())) return;
      await new Promise<void>((resolve) => void timers.after(AWAY_PACE_MS, resolve));
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel?.();
    await this.#round;
    if (this.#away || this.run === null) return;
    await leave(this.#options.redis, this.#beat(this.#options.clock.monotonic())).catch(ignoreRedis);
  }

  /** Makes a round now, or joins the one under way. */
  refresh(): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    this.#round ??= this.#ending(this.#makeRound());
    return this.#round;
  }

  #ending(round: Promise<void>): Promise<void> {
    return round.finally(() => {
      this.#round = null;
      this.#isHeard = false;
      this.#schedule();
    });
  }

  /** Limits of this window are in use: the pace of all members follows the shortest. */
  meet({ windowMs }: Limit): void {
    this.#longestMs = Math.max(this.#longestMs, windowMs);
    if (silenceMs(windowMs) >= this.#silenceMs) return;
    this.#silenceMs = silenceMs(windowMs);
    void this.refresh();
  }

  /** Books were found in, or could not be reached through, another process than thought. */
  sawRun(run: string): void {
    if (this.#seen.has(run) || run === this.run) return;
    this.#seen.add(run);
    this.moves++;
    this.contacts.lose(run);
    this.#untold = true;
  }

  /** The books could not be reached: to the others this member is silent until they can be. */
  withdraw(): void {
    if (this.#away) return;
    this.#away = true;
    this.#untold = true;
    void this.refresh();
  }

  get count(): number {
    return this.view?.count ?? 1;
  }

  /** Whether the member may spend by its own rule alone: not while it tells what it spent, nor while a beat is out. */
  get isApart(): boolean {
    return this.#away && !this.#isHeard;
  }

  /** Whether a call on such a limit may be made now: the others are seen as they were at most this long ago. */
  isFresh({ windowMs }: Limit, now: number): boolean {
    return !this.#away && this.view !== null && now - this.view.sentAt < silenceMs(windowMs);
  }

  /** Until when, in Redis' time, calls made with the present view may be done. */
  callBy(run: string, { windowMs }: Limit): number {
    if (this.view === null) return 0;
    const { sentAt, reply } = this.view;
    if (run === reply.run) return reply.at + silenceMs(windowMs) * 1000;
    return this.#options.times.between(run, sentAt + silenceMs(windowMs)).earliest;
  }

  /** Whether a lease may be spent: until the others might keep this member's part for it. */
  mayLease({ windowMs }: Limit, now: number): boolean {
    const { last } = this.contacts;
    return last !== null && now < last.earliest + 2 * silenceMs(windowMs);
  }

  /** Units of a limit that are kept for other members. */
  reserved(limit: Limit, run: string): number {
    return this.view?.reserved(limit, run, this.#options.id) ?? 0;
  }

  /** Whether the books of a Redis process know all that counts in such a window. */
  isSettled(run: string, limit: Limit, now: number): boolean {
    if (this.#away || this.view === null) return false;
    return this.view.allTold(run, now) || this.view.isOutlived(run, limit, now);
  }

  #schedule(): void {
    this.#cancel?.();
    if (this.#stopped) return;
    this.#cancel = this.#options.timers.after(this.#paceMs(), () => void this.refresh());
  }

  #paceMs(): number {
    return this.#away ? AWAY_PACE_MS : Math.min(this.view?.reply.paceMs ?? 0, this.#silenceMs) * PACE;
  }

  async #makeRound(): Promise<void> {
    if (this.#away && !(await this.#look())) return;
    if (this.#untold) {
      const runs = new Set([this.run ?? '', ...this.#seen, ...(this.view?.reply.runs.keys() ?? [])]);
      this.#untold = false;
      this.#isHeard = true;
      if (!(await this.#options.tell())) {
        this.#untold = true;
        return;
      }
      this.#told = [...runs];
    }
    await this.#makeBeat();
  }

  async #look(): Promise<boolean> {
    const { redis, clock } = this.#options;
    const sentAt = clock.monotonic();
    try {
      const reply = await look(redis);
      this.#hear(reply, sentAt);
      return true;
    } catch (error) {
      ignoreRedis(error);
      return false;
    }
  }

  async #makeBeat(): Promise<void> {
    const ride = this.#newBeat();
    try {
      ride.heard(await beat(this.#options.redis, ride.beat));
    } catch (error) {
      ride.failed(error);
    }
  }

  #newBeat(isOver = () => {}): Ride {
    const { clock, times } = this.#options;
    const sentAt = clock.monotonic();
    const patienceMs = times.patienceMs(this.run ?? '', sentAt, BEAT_MS);
    this.#isHeard = true;
    this.contacts.tells(this.#told);
    return {
      beat: this.#beat(sentAt),
      heard: (reply) => {
        isOver();
        this.#hear(reply, sentAt);
        if (reply.kind === 'forgotten') this.#remember();
        if (reply.kind === 'done') this.#took(new MembersView(reply, sentAt, clock.monotonic()));
      },
      failed: (error) => {
        isOver();
        ignoreRedis(error);
        this.#away = true;
        this.#untold = true;
        // It may have been contact, until its deadline has passed in Redis' time.
        if (error instanceof RedisError && error.kind === 'unknown') {
          this.contacts.mayHaveBeenUntil(sentAt + patienceMs * CLOCK_RATES);
        }
      },
    };
  }

  /** A beat that goes along with another call; null where none is due, a round is under way, or it lives elsewhere. */
  ride(): Ride | null {
    if (this.#options.redis.isCluster || this.#round !== null || this.#away || this.#untold || this.#stopped)
      return null;
    const now = this.#options.clock.monotonic();
    if (now - (this.view?.sentAt ?? 0) < this.#paceMs() / 16) return null;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#round = this.#ending(promise);
    return this.#newBeat(resolve);
  }

  #beat(now: number): Beat {
    const { id, name, times } = this.#options;
    const run = this.run ?? '';
    return {
      id,
      name,
      number: ++this.#number,
      by: times.between(run, now + times.patienceMs(run, now, BEAT_MS)).earliest,
      joined: this.contacts.last !== null,
      held: this.held,
      told: this.#told,
      seen: [...this.#seen],
      silenceMs: this.#silenceMs,
      longestMs: this.#longestMs,
      rows: this.#forgotten ? (this.view?.reply.rows ?? []) : [],
    };
  }

  #hear({ run, at }: BeatReply, sentAt: number): void {
    this.#options.times.hear(run, at, sentAt, this.#options.clock.monotonic());
    if (this.run === run) return;
    // Another process: its books are not those the units were spent from.
    if (this.run !== null) this.contacts.lose(run);
    [this.run, this.moves] = [run, this.moves + 1];
    this.#untold = true;
  }

  /** The registry is gone, and with it perhaps the books. */
  #remember(): void {
    this.#forgotten = true;
    this.#untold = true;
    this.#told = [];
    this.contacts.lose(this.run ?? '');
  }

  #took(view: MembersView): void {
    const before = this.view;
    this.view = view;
    this.held = view.reply.held;
    this.contacts.heard(view.sentAt, view.receivedAt);
    this.#away = false;
    this.#forgotten = false;
    for (const run of view.reply.runs.keys()) {
      this.#seen.delete(run);
      if (!this.#told.includes(run)) this.#untold = true;
    }
    const { lostRun } = this.contacts;
    if (lostRun !== null) {
      if (view.allTold(lostRun, view.receivedAt) && this.#seen.size === 0) this.contacts.found();
      else if (before !== null) this.#noteUnreported(before, view, lostRun);
    }
    if (this.#untold) queueMicrotask(() => void this.refresh());
  }

  /** Once, when the longest window has passed and somebody has not said what it spent. */
  #noteUnreported(before: MembersView, view: MembersView, run: string): void {
    const limit = { quota: 0, windowMs: this.#longestMs };
    if (!before.isOutlived(run, limit, before.receivedAt) && view.isOutlived(run, limit, view.receivedAt)) {
      this.#options.unreported();
    }
  }
}

function ignoreRedis(error: unknown): void {
  if (!(error instanceof RedisError)) throw error;
}
