import type { Clock } from '../../core/clock.ts';
import type { Change, Grant, News, Renewals } from '../../core/wire.ts';
import { answerWithin } from './deadline.ts';
import type { Knowledge } from './knowledge.ts';
import { ageOf, momentOf, type Moment } from './moment.ts';
import type { Witness } from './witness.ts';

/** What the metrics want to know. */
export interface MemberEvents {
  renewed(result: 'ok' | 'error'): void;
  /** Changes were told, each of which may have been there for so long; infinite where it is the first renewal. */
  applied(changes: number, lagMs: number): void;
}

export interface MemberOptions {
  /** A name made at the start of the process. */
  readonly id: string;
  readonly renewals: Renewals;
  /** Of this process. */
  readonly news: News;
  readonly knowledge: Knowledge;
  /** Null where there is no Redis. */
  readonly witness: Witness | null;
  readonly staleIfErrorMs: number;
  /** What is to be done about changes before they are acknowledged. Never rejects. */
  readonly settle: (changes: readonly Change[]) => Promise<void>;
  readonly clock: Clock;
  readonly events: MemberEvents;
}

/** How often a key service that offers no renewals is asked whether it does by now. */
const ALONE_MS = 60_000;

/**
 * This process as a member of the fleet: it renews what it knows every quarter of the fence and at once on news. What
 * it has applied it acknowledges by one more renewal right away, so that whoever revokes a key need not wait.
 */
export class Member {
  readonly #options: MemberOptions;
  readonly #stopping = new AbortController();
  #unsubscribe: () => void = () => undefined;
  #timer: NodeJS.Timeout | undefined;
  #flight: Promise<void> | null = null;
  /** There is something to say or to hear that the renewal under way may have been too early for. */
  #due = false;
  /** When the latest renewal began, where it failed. */
  #failedAt: Moment | null = null;

  constructor(options: MemberOptions) {
    this.#options = options;
  }

  /** Fulfilled when the first renewal has ended, however. */
  start(): Promise<void> {
    const { news, witness } = this.#options;
    this.#unsubscribe = news(this.hear);
    witness?.start();
    return this.#flight ?? this.#renew();
  }

  /** There may be something to renew for. */
  readonly hear = (): void => {
    if (this.#flight === null) void this.#renew();
    else this.#due = true;
  };

  /**
   * One renewal for all who find that what they know is too old, as after a pause of the process. Fulfilled when it has
   * ended, however; at once where one has just failed.
   */
  async refresh(): Promise<void> {
    const { knowledge } = this.#options;
    if (knowledge.alone || this.#inTrouble()) return;
    await (this.#flight ?? this.#renew());
    // One that was sent before the pause came back too late to tell anything.
    if (knowledge.renewalAgeMs >= knowledge.fenceMs && !this.#inTrouble())
      await (this.#flight ?? this.#renew());
  }

  /** Leaves the fleet, which nobody waits for then. Call when nothing is served any more. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    clearTimeout(this.#timer);
    this.#unsubscribe();
    this.#options.witness?.stop();
    await this.#flight;
    if (this.#options.knowledge.epoch === null) return;
    try {
      await answerWithin(this.#deadlineMs, (signal) => this.#call(true, signal));
    } catch {
      // Its row lapses by itself.
    }
  }

  get #deadlineMs(): number {
    return this.#options.knowledge.fenceMs / 2;
  }

  #inTrouble(): boolean {
    const { clock, knowledge } = this.#options;
    return this.#failedAt !== null && ageOf(this.#failedAt, clock) < knowledge.fenceMs;
  }

  #renew(): Promise<void> {
    const { clock } = this.#options;
    clearTimeout(this.#timer);
    if (this.#stopping.signal.aborted) return Promise.resolve();
    this.#due = false;
    const began = momentOf(clock);
    this.#flight = this.#catchUp(began).finally(() => {
      this.#flight = null;
      if (this.#due) void this.#renew();
      else this.#schedule(began);
    });
    return this.#flight;
  }

  #schedule(began: Moment): void {
    const { clock, knowledge } = this.#options;
    if (this.#stopping.signal.aborted) return;
    const everyMs = knowledge.alone ? ALONE_MS : knowledge.fenceMs / 4;
    this.#timer = setTimeout(() => void this.#renew(), Math.max(0, everyMs - ageOf(began, clock)));
    this.#timer.unref();
  }

  /** Asks until all there is has been told. Never rejects. */
  async #catchUp(began: Moment): Promise<void> {
    const { events, witness } = this.#options;
    try {
      while ((await this.#ask()) === 'partial');
      this.#failedAt = null;
      events.renewed('ok');
    } catch {
      if (this.#stopping.signal.aborted) return;
      events.renewed('error');
      await witness?.ask();
      // Only now: who waits for this renewal waits for the witness, too.
      this.#failedAt = began;
    }
  }

  async #ask(): Promise<'complete' | 'partial'> {
    const { clock, knowledge, events } = this.#options;
    const { epoch, applied, renewalAgeMs } = knowledge;
    const sentAt = momentOf(clock);
    const grant = await answerWithin(
      this.#deadlineMs,
      (signal) => this.#call(false, signal),
      this.#stopping.signal,
    );
    if (grant === null) {
      if (epoch !== null) throw new Error('a key service that renewed does so no longer');
      knowledge.standAlone();
      return 'complete';
    }
    const told = knowledge.learn(grant, sentAt);
    if (knowledge.epoch === epoch && knowledge.applied === applied) {
      if (told === 'partial') throw new Error('the key service does not tell what has changed');
      return told;
    }
    events.applied(grant.changes.length, renewalAgeMs);
    await this.#options.settle(grant.changes);
    this.#due = true;
    return told;
  }

  #call(leaving: boolean, signal: AbortSignal): Promise<Grant | null> {
    const { id, renewals, knowledge, staleIfErrorMs } = this.#options;
    const { epoch, applied } = knowledge;
    return renewals.renew(id, { epoch, applied, staleIfErrorMs, leaving }, signal);
  }
}
