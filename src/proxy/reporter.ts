import { setTimeout as pause } from 'node:timers/promises';
import type { Clock } from '../core/clock.ts';
import type { Gauges } from '../core/gauges.ts';
import type { RefusedRequest, ReportSink } from '../core/wire.ts';
import { Refusals } from './refusals.ts';
import { ReportQueue, type Dropped } from './report-queue.ts';
import { Usage } from './usage.ts';

/** What the metrics want to know. */
export interface ReporterEvents {
  sent(result: 'ok' | 'error'): void;
  /** A request that could not be counted, because too much waits already. */
  lost(): void;
  /** What was collected and will not be reported. */
  dropped(what: Dropped): void;
}

export interface ReporterOptions {
  /** The name of this process. */
  readonly member: string;
  readonly sink: ReportSink;
  readonly clock: Clock;
  readonly events: ReporterEvents;
  /** How this process stands; goes along with what is reported from time to time. */
  readonly gauges?: () => Gauges;
  readonly everyMs?: number;
  /** After which a report without an answer counts as failed. */
  readonly deadlineMs?: number;
}

const EVERY_MS = 2000;
const DEADLINE_MS = 2000;
/** A report of more would hold up whoever writes it down. */
const USAGE_PER_REPORT = 1000;
/** Between the attempts of a gate that stops. */
const LAST_PAUSE_MS = 200;

/**
 * Collects what the key service should know of this gate's traffic, and reports it every two seconds and at the end,
 * together with how the gate stands then.
 *
 * What is collected becomes a report once. Only when the sink has taken it is the next one made, so that a sink which
 * is away costs no more memory than what one process collects, which is bounded too.
 * Collecting is synchronous and never waits for the sink.
 */
export class Reporter {
  readonly #options: ReporterOptions;
  readonly #usage = new Usage();
  readonly #refusals = new Refusals();
  readonly #timer: NodeJS.Timeout;
  readonly #queue: ReportQueue;
  #sequence = 0;
  #gaugesAreDue = false;
  #round: Promise<void> | null = null;
  #nextRound: Promise<void> | null = null;

  constructor(options: ReporterOptions) {
    this.#options = options;
    const { sink, events, deadlineMs = DEADLINE_MS } = options;
    this.#queue = new ReportQueue({
      sink,
      deadlineMs,
      nextSequence: () => ++this.#sequence,
      sent: (result) => events.sent(result),
      dropped: (what) => events.dropped(what),
    });
    this.#timer = setInterval(() => this.#tick(), options.everyMs ?? EVERY_MS);
    this.#timer.unref();
  }

  /** A request of this key that an upstream has answered; a stream or a WebSocket is one, when it opens. */
  answered(keyId: string, route: string, status: number): void {
    const { clock, events } = this.#options;
    if (!this.#usage.count(keyId, route, status, clock.now())) events.lost();
  }

  /** A refused authentication. Texts of the client MUST be masked and cut. */
  refused(request: Omit<RefusedRequest, 'at'>): void {
    const { clock } = this.#options;
    this.#refusals.add({ at: clock.now(), ...request }, clock.monotonic());
  }

  /** What waits to be reported: counts, rows, and those of reports not taken yet. */
  get pending(): number {
    return this.#queue.pending + this.#usage.size + this.#refusals.size;
  }

  /** Fulfilled when everything collected before the call has been reported, or could not be. Never rejected. */
  flush(): Promise<void> {
    if (this.#round === null) return this.#start();
    // The round under way may have been made up before the latest request was counted; one more has seen it.
    this.#nextRound ??= this.#round.then(() => this.#round ?? this.#start());
    return this.#nextRound;
  }

  /** Reports what is left, for `withinMs` if need be but once at least, and then no more; what is left then is dropped. */
  async stop(withinMs = 0): Promise<void> {
    clearInterval(this.#timer);
    const end = performance.now() + withinMs;
    this.#gaugesAreDue = true;
    for (;;) {
      await this.flush();
      const leftMs = end - performance.now();
      if (this.pending === 0 || leftMs <= 0) break;
      await pause(Math.min(LAST_PAUSE_MS, leftMs));
    }
    this.#makeReports();
    this.#queue.abandon('the key service took no reports until the gate had to stop');
  }

  #tick(): void {
    this.#gaugesAreDue = true;
    if (this.#round === null) void this.flush();
  }

  #start(): Promise<void> {
    this.#nextRound = null;
    this.#round = this.#report().finally(() => {
      this.#round = null;
    });
    return this.#round;
  }

  async #report(): Promise<void> {
    if (!(await this.#queue.deliver())) return;
    this.#makeReports();
    await this.#queue.deliver();
  }

  #makeReports(): void {
    const usage = this.#usage.take();
    const { refusals, suppressed } = this.#refusals.take();
    const gauges = this.#gaugesAreDue ? this.#options.gauges?.() : undefined;
    this.#gaugesAreDue = false;
    if (usage.length + refusals.length + suppressed.length === 0 && gauges === undefined) return;
    const { member } = this.#options;
    for (let from = 0; from === 0 || from < usage.length; from += USAGE_PER_REPORT) {
      this.#queue.add({
        member,
        sequence: ++this.#sequence,
        usage: usage.slice(from, from + USAGE_PER_REPORT),
        refusals: from === 0 ? refusals : [],
        suppressed: from === 0 ? suppressed : [],
        ...(from === 0 && gauges !== undefined ? { gauges } : {}),
      });
    }
  }
}
