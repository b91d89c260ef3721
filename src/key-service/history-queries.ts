import type { Invalid, Read } from './drafts.ts';
import { parseInstant } from '../core/instant.ts';
import { FieldValues } from './field-values.ts';
import {
  AUDIT_ACTIONS,
  AUDIT_KINDS,
  USAGE_KEPT_MS,
  type AuditFilter,
  type AuditPage,
  type TimeRange,
  type UsageSubject,
} from './store/ledger.ts';

export interface AuditQuery {
  readonly owner?: string | undefined;
  readonly key?: string | undefined;
  readonly reason?: string | undefined;
  readonly action?: string | undefined;
  readonly kind?: string | undefined;
  readonly requestId?: string | undefined;
  readonly address?: string | undefined;
  /** The email of an operator who acted or was acted on. */
  readonly operator?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly limit?: number | undefined;
  /** What a page gave to ask for the next one. */
  readonly cursor?: string | undefined;
}

/** One of key and owner. */
export interface UsageQuery {
  readonly key?: string | undefined;
  readonly owner?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

const DEFAULT_PAGE_SIZE = 50;
const MAX_PAGE_SIZE = 500;
const DEFAULT_RANGE_MS = 30 * 86_400_000;

export function readAuditQuery(query: AuditQuery): Read<{ filter: AuditFilter; page: AuditPage }> {
  const values = new FieldValues();
  const { kind, action, cursor } = query;
  const after = cursor === undefined ? null : parseCursor(cursor);
  if (cursor !== undefined && after === null) values.refuse('cursor', 'must be one that a page gave');
  const filter = {
    kind: kind === undefined ? null : values.oneOf('kind', kind, AUDIT_KINDS),
    action: action === undefined ? null : values.oneOf('action', action, AUDIT_ACTIONS),
    reason: query.reason ?? null,
    requestId: query.requestId ?? null,
    keyId: query.key ?? null,
    ownerId: query.owner ?? null,
    operator: query.operator?.toLowerCase() ?? null,
    address: query.address ?? null,
    from: query.from === undefined ? null : values.instant('from', query.from),
    to: query.to === undefined ? null : values.instant('to', query.to),
  };
  const limit = values.wholeNumber('limit', query.limit ?? DEFAULT_PAGE_SIZE, 1, MAX_PAGE_SIZE);
  return outcome(values, { filter, page: { limit, after } });
}

export function readUsageQuery(query: UsageQuery, now: number): Read<{ of: UsageSubject; range: TimeRange }> {
  const values = new FieldValues();
  const { key, owner } = query;
  if ((key === undefined) === (owner === undefined)) values.refuse('', 'must name one of key and owner');
  const to = query.to === undefined ? now : values.instant('to', query.to);
  const from = query.from === undefined ? to - DEFAULT_RANGE_MS : values.instant('from', query.from);
  if (from > to) values.refuse('from', 'must not be after to');
  const of = key === undefined ? { ownerId: owner ?? '' } : { keyId: key };
  return outcome(values, { of, range: { from, to } });
}

/** Where a page ended: the instant and the id of its last row. */
export function cursorText({ at, id }: { readonly at: number; readonly id: number }): string {
  return `${at}.${id}`;
}

const CURSOR = /^(\d{1,15})\.(\d{1,15})$/;

function parseCursor(text: string): AuditPage['after'] {
  const match = CURSOR.exec(text);
  return match === null ? null : { at: Number(match[1]), id: Number(match[2]) };
}

const DAY_MS = 86_400_000;
const DAY = /^\d{4}-\d\d-\d\d$/;

/**
 * The dates of a usage question. A day alone, like 2030-01-31, is all of it: as the end it is included. What is not
 * said is the day that `now` is in and the range before it.
 */
export function readDates(
  query: { readonly start_date?: string | undefined; readonly end_date?: string | undefined },
  now: number,
  defaults: TimeRange,
): Read<TimeRange> {
  const values = new FieldValues();
  const { start_date, end_date } = query;
  const to = end_date === undefined ? defaults.to : dayOrInstant(values, 'end_date', end_date, DAY_MS);
  const from =
    start_date === undefined
      ? Math.min(defaults.from, to)
      : dayOrInstant(values, 'start_date', start_date, 0);
  if (from > to) values.refuse('end_date', 'must not be before start_date');
  return outcome(values, { from: Math.max(from, now - USAGE_KEPT_MS), to });
}

function dayOrInstant(values: FieldValues, field: string, text: string, endOfDayMs: number): number {
  const at = DAY.test(text) ? parseInstant(`${text}T00:00:00Z`) : null;
  if (at !== null) return at + endOfDayMs;
  const instant = parseInstant(text);
  if (instant === null) values.refuse(field, 'must be a date like 2030-01-31 or 2030-01-31T12:00:00Z');
  return instant ?? 0;
}

function outcome<T>(values: FieldValues, value: T): Invalid | Read<T> {
  return values.errors.length > 0 ? { kind: 'invalid', errors: values.errors } : { kind: 'valid', value };
}
