import type { Report, ReportSink } from '../core/wire.ts';
import { KeyServiceError } from './keys/service-error.ts';

/** What is given up: that many requests are missing from usage, that many rows and counts from the audit. */
export interface Dropped {
  readonly requests: number;
  readonly refusals: number;
  readonly why: string;
}

export interface ReportQueueOptions {
  readonly sink: ReportSink;
  /** After which a report without an answer counts as failed. */
  readonly deadlineMs: number;
  /** The next number of this member. */
  readonly nextSequence: () => number;
  readonly sent: (result: 'ok' | 'error') => void;
  readonly dropped: (what: Dropped) => void;
}

/** Answers that say of a report that it will never be taken as it is: it cannot be read, or is too large. */
const REFUSED: ReadonlySet<number> = new Set([400, 413, 422]);
/** How often at most one delivery is refused; the rest waits for the next. */
const REFUSALS_AT_ONCE = 32;

interface Waiting {
  readonly report: Report;
  /** Whether an earlier attempt may have been counted although nobody said so. */
  inDoubt: boolean;
}

/**
 * Reports that the sink has not taken yet. Each keeps its number and content until it is taken, so that one whose
 * answer was lost is counted once; the first that fails keeps the others waiting.
 *
 * A report that is refused for good is made smaller until what is refused stands alone, and that is dropped, so that
 * it holds up nothing else. One that is in doubt may not be taken apart: a part under another number would be counted
 * a second time. It is dropped as a whole.
 */
export class ReportQueue {
  readonly #options: ReportQueueOptions;
  readonly #waiting: Waiting[] = [];

  constructor(options: ReportQueueOptions) {
    this.#options = options;
  }

  add(report: Report): void {
    this.#waiting.push({ report, inDoubt: false });
  }

  /** Counts and rows; gauges are not waited for. */
  get pending(): number {
    return this.#waiting.reduce((sum, { report }) => sum + sizeOf(report), 0);
  }

  /** Whether none is left. Never rejected. */
  async deliver(): Promise<boolean> {
    let refusals = 0;
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      const result = await this.#send(first.report);
      this.#options.sent(result === 'taken' ? 'ok' : 'error');
      if (result === 'taken') this.#waiting.shift();
      else if (result === 'refused') {
        this.#waiting.splice(0, 1, ...this.#lessened(first));
        if (++refusals >= REFUSALS_AT_ONCE) return this.#waiting.length === 0;
      } else {
        first.inDoubt = true;
        return false;
      }
    }
    return true;
  }

  /** Gives up all that waits. */
  abandon(why: string): void {
    const reports = this.#waiting.splice(0).map(({ report }) => report);
    const what = {
      requests: reports.reduce((sum, report) => sum + requestsOf(report), 0),
      refusals: reports.reduce((sum, report) => sum + refusalsOf(report), 0),
    };
    if (what.requests + what.refusals > 0) this.#options.dropped({ ...what, why });
  }

  /** What takes the place of a report that was refused. */
  #lessened({ report: { gauges, ...report }, inDoubt }: Waiting): Waiting[] {
    const size = sizeOf(report);
    // The same number and the same counts: whether it was counted before makes no difference.
    if (gauges !== undefined) return size === 0 ? [] : [{ report, inDoubt }];
    if (size > 1 && !inDoubt) {
      const [one, other] = halvesOf(report);
      return [
        { report: one, inDoubt },
        { report: { ...other, sequence: this.#options.nextSequence() }, inDoubt },
      ];
    }
    this.#options.dropped({
      requests: requestsOf(report),
      refusals: refusalsOf(report),
      why: 'the key service refuses the report',
    });
    return [];
  }

  async #send(report: Report): Promise<'taken' | 'refused' | 'failed'> {
    const { sink, deadlineMs } = this.#options;
    const { promise: expired, resolve } = Promise.withResolvers<'failed'>();
    const timer = setTimeout(() => resolve('failed'), deadlineMs);
    try {
      return await Promise.race([sink.report(report).then(() => 'taken' as const), expired]);
    } catch (error) {
      return error instanceof KeyServiceError && REFUSED.has(error.status ?? 0) ? 'refused' : 'failed';
    } finally {
      clearTimeout(timer);
    }
  }
}

/** The first half of what it holds, counts before rows, and the rest. */
function halvesOf({ usage, refusals, suppressed, ...about }: Report): [Report, Report] {
  let left = Math.ceil((usage.length + refusals.length + suppressed.length) / 2);
  const split = <T>(all: readonly T[]): [T[], T[]] => {
    const at = Math.min(left, all.length);
    left -= at;
    return [all.slice(0, at), all.slice(at)];
  };
  const [usages, rows, counts] = [split(usage), split(refusals), split(suppressed)];
  return [
    { ...about, usage: usages[0], refusals: rows[0], suppressed: counts[0] },
    { ...about, usage: usages[1], refusals: rows[1], suppressed: counts[1] },
  ];
}

function sizeOf({ usage, refusals, suppressed }: Report): number {
  return usage.length + refusals.length + suppressed.length;
}

function requestsOf({ usage }: Report): number {
  return usage.reduce((sum, { count }) => sum + count, 0);
}

function refusalsOf({ refusals, suppressed }: Report): number {
  return suppressed.reduce((sum, { count }) => sum + count, refusals.length);
}
