import { parseInstant } from '../core/instant.ts';
import { parseStatedLimit, STATED_LIMIT_FORM, type StatedLimit } from '../core/limit.ts';

/** What is wrong with one field of a request, under its name on the wire. Never repeats the value: it may be a key. */
export interface FieldError {
  readonly field: string;
  readonly message: string;
}

const ID = /^[A-Za-z0-9._:-]{1,128}$/;
const ID_FORM = 'must be 1 to 128 of the characters A-Z a-z 0-9 . _ : -';
const MAX_NAME_LENGTH = 200;
const MAX_DESCRIPTION_LENGTH = 1000;
const CONTROL = /[\p{Cc}\p{Zl}\p{Zp}]/u;
const MAX_LIMITS = 8;
const MAX_MCPS = 256;

/**
 * Reads the values of one request and gathers every mistake. A reader answers something of its type in any case; what
 * it answers is meant only if `errors` is empty in the end.
 */
export class FieldValues {
  readonly errors: FieldError[] = [];
  /** Put before field names: `keys[3].` in a list. */
  readonly #prefix: string;

  constructor(prefix = '') {
    this.#prefix = prefix;
  }

  refuse(field: string, message: string): void {
    this.errors.push({ field: this.#prefix + field, message });
  }

  /** An id that may stand in a header line and in a path. */
  id(field: string, text: string): string {
    if (!ID.test(text)) this.refuse(field, ID_FORM);
    return text;
  }

  name(field: string, text: string): string {
    if (text.trim() === '') this.refuse(field, 'must not be empty');
    else if (text.length > MAX_NAME_LENGTH)
      this.refuse(field, `must have at most ${MAX_NAME_LENGTH} characters`);
    else if (CONTROL.test(text) || !text.isWellFormed())
      this.refuse(field, 'must not hold control characters');
    return text;
  }

  description(field: string, text: string): string {
    if (text.length > MAX_DESCRIPTION_LENGTH)
      this.refuse(field, `must have at most ${MAX_DESCRIPTION_LENGTH} characters`);
    else if (CONTROL.test(text.replaceAll(/[\r\n\t]/g, '')) || !text.isWellFormed())
      this.refuse(field, 'must not hold control characters');
    return text;
  }

  oneOf<T extends string>(field: string, text: string, allowed: readonly [T, ...T[]]): T {
    const found = allowed.find((one) => one === text);
    if (found === undefined) this.refuse(field, `must be one of ${allowed.join(', ')}`);
    return found ?? allowed[0];
  }

  wholeNumber(field: string, value: number, least: number, most: number): number {
    if (!Number.isInteger(value) || value < least || value > most) {
      this.refuse(field, `must be a whole number from ${least} to ${most}`);
    }
    return value;
  }

  limits(field: string, texts: readonly string[]): StatedLimit[] {
    if (texts.length > MAX_LIMITS) {
      this.refuse(field, `must have at most ${MAX_LIMITS} limits`);
      return [];
    }
    return texts.flatMap((text, i) => {
      const limit = parseStatedLimit(text);
      if (limit === null) this.refuse(`${field}[${i}]`, `must be ${STATED_LIMIT_FORM}`);
      return limit ?? [];
    });
  }

  /** `*`, or ids without repetition. */
  mcps(field: string, value: string | readonly string[]): '*' | string[] {
    if (typeof value === 'string') {
      if (value !== '*') this.refuse(field, 'must be * or a list of ids');
      return '*';
    }
    if (value.length > MAX_MCPS) {
      this.refuse(field, `must have at most ${MAX_MCPS} ids`);
      return [];
    }
    for (const [i, id] of value.entries()) this.id(`${field}[${i}]`, id);
    return [...new Set(value)];
  }

  instant(field: string, text: string): number {
    const at = parseInstant(text);
    if (at === null) this.refuse(field, 'must be an RFC 3339 instant with a zone, like 2030-01-31T12:00:00Z');
    return at ?? 0;
  }

  /** `0s` up to `mostMs`, in milliseconds. */
  duration(field: string, text: string, mostMs: number): number {
    const match = DURATION.exec(text);
    const ms = match === null ? Infinity : Number(match[1]) * (UNITS_MS[match[2] ?? ''] ?? 0);
    if (ms > mostMs)
      this.refuse(field, `must be a duration from 0s to ${mostMs / DAY_MS}d, such as 30m, 1h or 7d`);
    return ms;
  }

  futureInstant(field: string, text: string, now: number): number {
    const at = parseInstant(text);
    if (at !== null && at <= now) this.refuse(field, 'must be in the future');
    return at ?? this.instant(field, text);
  }
}

const DAY_MS = 86_400_000;
const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: DAY_MS };
const DURATION = /^(0|[1-9]\d{0,8})(ms|s|m|h|d)$/;
