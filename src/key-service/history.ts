import type { Clock } from '../core/clock.ts';
import type { Gauges } from '../core/gauges.ts';
import type { Report, ReportSink } from '../core/wire.ts';
import { keptText } from './actor.ts';
import type { Invalid } from './drafts.ts';
import { readAuditQuery, readUsageQuery, type AuditQuery, type UsageQuery } from './history-queries.ts';
import { readGauges } from './requests/gauges.ts';
import type {
  Actor,
  AuditAction,
  AuditPage,
  AuditRow,
  Ledger,
  TimeRange,
  UsageGroup,
  UsageSubject,
  UsageSum,
} from './store/ledger.ts';

export type ListAuditOutcome =
  | {
      readonly kind: 'listed';
      readonly rows: readonly AuditRow[];
      /** The last row shown where there are more. */
      readonly next: AuditPage['after'];
    }
  | Invalid;

export type UsageOutcome =
  | {
      readonly kind: 'counted';
      readonly of: UsageSubject;
      readonly range: TimeRange;
      readonly byDay: readonly UsageSum[];
      readonly byRoute: readonly UsageSum[];
      readonly byStatus: readonly UsageSum[];
    }
  | Invalid;

/** How a gate stood when it last reported it. */
export interface MemberReport {
  readonly member: string;
  /** When it was taken, by the key service's clock. */
  readonly reportedAt: number;
  readonly gauges: Gauges;
}

export interface RefusedAction {
  readonly action: AuditAction;
  readonly outcome: string;
  readonly subjectKeyId: string | null;
  readonly subjectOwnerId: string | null;
  readonly subjectOperator?: string | null;
}

/** Calls nobody has authenticated may not fill the audit: so many rows in a window, no more. */
const NOBODY_ROWS = 60;
const NOBODY_WINDOW_MS = 60_000;

/** What happened to the keys: their usage, and who did what; and how the gates stand that report it. */
export class History implements ReportSink {
  readonly #ledger: Ledger;
  readonly #clock: Clock;
  #nobody = { since: -Infinity, rows: 0 };

  constructor(ledger: Ledger, clock: Clock) {
    this.#ledger = ledger;
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now();
  }

  async report(report: Report): Promise<void> {
    await this.#ledger.takeReport({ ...report, refusals: report.refusals.map(keptRefusal) }, this.now());
  }

  /** Of the gates that have reported within the last `withinMs`; those of gates that are gone are kept for 15 minutes. */
  async gauges(withinMs: number): Promise<readonly MemberReport[]> {
    const kept = await this.#ledger.gauges(this.now() - withinMs);
    return kept.flatMap(({ gauges, ...rest }) => {
      const read = readGauges(gauges);
      return read === null ? [] : [{ ...rest, gauges: read }];
    });
  }

  usage(of: UsageSubject, range: TimeRange, by: UsageGroup): Promise<readonly UsageSum[]> {
    return this.#ledger.usage(of, range, by);
  }

  /** All requests of the range. */
  async requests(of: UsageSubject, range: TimeRange): Promise<number> {
    const sums = await this.usage(of, range, 'status_class');
    return sums.reduce((total, { requests }) => total + requests, 0);
  }

  async showUsage(query: UsageQuery): Promise<UsageOutcome> {
    const read = readUsageQuery(query, this.now());
    if (read.kind === 'invalid') return read;
    const { of, range } = read.value;
    return {
      kind: 'counted',
      of,
      range,
      byDay: await this.usage(of, range, 'day'),
      byRoute: await this.usage(of, range, 'route'),
      byStatus: await this.usage(of, range, 'status_class'),
    };
  }

  async listAudit(query: AuditQuery): Promise<ListAuditOutcome> {
    const read = readAuditQuery(query);
    if (read.kind === 'invalid') return read;
    const { filter, page } = read.value;
    const rows = await this.#ledger.listAudit(filter, { ...page, limit: page.limit + 1 });
    const shown = rows.slice(0, page.limit);
    return { kind: 'listed', rows: shown, next: rows.length > shown.length ? (shown.at(-1) ?? null) : null };
  }

  /** Writes down a management call that changed nothing because it was refused. */
  refused(by: Actor, { subjectOperator = null, ...refused }: RefusedAction): Promise<void> {
    const at = this.now();
    return this.#ledger.recordAudit({
      ...by,
      at,
      firstAt: at,
      kind: 'management',
      ...refused,
      reason: null,
      subjectOperator,
      route: null,
      count: 1,
    });
  }

  /** The same of somebody without a token: only the first of each minute are written down. */
  async refusedNobody(by: Actor, action: AuditAction, outcome = 'unauthorized'): Promise<void> {
    const now = this.#clock.monotonic();
    if (now - this.#nobody.since >= NOBODY_WINDOW_MS) this.#nobody = { since: now, rows: 0 };
    if (this.#nobody.rows >= NOBODY_ROWS) return;
    this.#nobody.rows += 1;
    await this.refused(by, { ...NO_SUBJECT, action, outcome });
  }

  /** Of who gave the email of an operator, and was not let in. Their number is bounded by that of attempts. */
  refusedOperator(by: Actor, action: AuditAction, subjectOperator: string): Promise<void> {
    return this.refused(by, { ...NO_SUBJECT, action, outcome: 'unauthorized', subjectOperator });
  }

  /** What an operator did that is no change of the store's: signed in, signed out. */
  done(by: Actor, action: AuditAction, subjectOperator: string): Promise<void> {
    return this.refused(by, { ...NO_SUBJECT, action, outcome: 'done', subjectOperator });
  }
}

const NO_SUBJECT = { subjectKeyId: null, subjectOwnerId: null };

/** Gates mask what they report; that no key comes to rest here does not depend on it. */
function keptRefusal(refusal: Report['refusals'][number]): Report['refusals'][number] {
  const { requestId, userAgent, method, path } = refusal;
  return {
    ...refusal,
    requestId: keptText(requestId),
    userAgent: userAgent === null ? null : keptText(userAgent),
    method: keptText(method),
    path: keptText(path),
  };
}
