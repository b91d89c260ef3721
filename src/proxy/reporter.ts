import type { Clock } from '../core/clock.ts';
import type { Gauges } from '../core/gauges.ts';
import type { RefusedRequest, Report, ReportSink } from '../core/wire.ts';
import { Refusals } from './refusals.ts';
import { Usage } from './usage.ts';

/** What the metrics want to know. */
export interface ReporterEvents {
  sent(result: 'ok' | 'error'): void;
  /** A request that could not be counted, because too much waits already. */
  lost(): void;
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
const LAST_ATTEMPTS = 3;

/**
 * Collects what the key service should know of this gate's traffic, and reports it every two seconds and at the end,
 * together with how the gate stands then.
 *
 * What is collected becomes a report once: the report keeps its sequence number and content until the sink has
 * taken it, so that one whose answer was lost is counted once. Only then is the next one made, so that a sink
 * which is away costs no more memory than what one process collects, which is bounded too.
 * Collecting is synchronous and never waits for the sink.
 */
export class Reporter {
  readonly #options: ReporterOptions;
  readonly #usage = new Usage();
  readonly #refusals = new Refusals();
  readonly #timer: NodeJS.Timeout;
  /** Reports the sink has not taken yet, in their order. */
  #unsent: Report[] = [];
  #sequence = 0;
  #gaugesAreDue = false;
  #round: Promise<void> | null = null;
  #nextRound: Promise<void> | null = null;

  constructor(options: ReporterOptions) {
    this.#options = options;
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
    const entries = this.#unsent.map(
      ({ usage, refusals, suppressed }) => usage.length + refusals.length + suppressed.length,
    );
    return entries.reduce((sum, size) => sum + size, this.#usage.size + this.#refusals.size);
  }

  /** Fulfilled when everything collected before the call has been reported, or could not be. Never rejected. */
  flush(): Promise<void> {
    if (this.#round === null) return this.#start();
    // The round under way may have been made up before the latest request was counted; one more has seen it.
    this.#nextRound ??= this.#round.then(() => this.#round ?? this.#start());
    return this.#nextRound;
  }

  /** Reports what is left, with a few attempts, and then no more. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#gaugesAreDue = true;
    for (let attempt = 0; attempt < LAST_ATTEMPTS; attempt++) {
      await this.flush();
      if (this.pending === 0) return;
    }
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
    if (!(await this.#sendUnsent())) return;
    this.#makeReports();
    await this.#sendUnsent();
  }

  #makeReports(): void {
    const usage = this.#usage.take();
    const { refusals, suppressed } = this.#refusals.take();
    const gauges = this.#gaugesAreDue ? this.#options.gauges?.() : undefined;
    this.#gaugesAreDue = false;
    if (usage.length + refusals.length + suppressed.length === 0 && gauges === undefined) return;
    const { member } = this.#options;
    for (let from = 0; from === 0 || from < usage.length; from += USAGE_PER_REPORT) {
      this.#unsent.push({
        member,
        sequence: ++this.#sequence,
        usage: usage.slice(from, from + USAGE_PER_REPORT),
        refusals: from === 0 ? refusals : [],
        suppressed: from === 0 ? suppressed : [],
        ...(from === 0 && gauges !== undefined ? { gauges } : {}),
      });
    }
  }

  /** Whether none is left. The first that fails keeps the others waiting, so that they arrive in their order. */
  async #sendUnsent(): Promise<boolean> {
    for (let report = this.#unsent[0]; report !== undefined; report = this.#unsent[0]) {
      const taken = await this.#send(report);
      this.#options.events.sent(taken ? 'ok' : 'error');
      if (!taken) return false;
      this.#unsent.shift();
    }
    return true;
  }

  async #send(report: Report): Promise<boolean> {
    const { sink, deadlineMs = DEADLINE_MS } = this.#options;
    const { promise: expired, resolve } = Promise.withResolvers<false>();
    const timer = setTimeout(() => resolve(false), deadlineMs);
    try {
      return await Promise.race([sink.report(report).then(() => true), expired]);
    } catch {
      return false;
    } finally {
      clearTimeout(timer);
    }
  }
}
