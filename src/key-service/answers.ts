import { STATUS_CODES } from 'node:http';
import type { FieldError } from './field-values.ts';

/** An answer of the key service's HTTP door, before any server library has seen it. */
export interface Answer {
  readonly status: number;
  readonly body: object;
  readonly headers?: Readonly<Record<string, string>>;
  /** The store has made the change, whatever the status says of it. */
  readonly changed?: true;
}

/** Why a call is not answered as asked. `errors` names fields; `code` is said where the status alone does not tell. */
export interface Refusal {
  readonly status: number;
  readonly detail: string;
  readonly code?: string;
  readonly errors?: readonly FieldError[];
  readonly headers?: Readonly<Record<string, string>>;
}

/** A refusal in the words of one API. */
export type RefusalWriter = (refusal: Refusal) => Answer;

/** The words of the key service's own API. */
export function problemOf({ status, detail, errors, headers }: Refusal): Answer {
  return problem(status, detail, errors === undefined ? {} : { errors }, headers);
}

/** Problem details by RFC 9457. `more` may add members; `errors` names fields. */
export function problem(
  status: number,
  detail: string,
  more: object = {},
  headers: Readonly<Record<string, string>> = {},
): Answer {
  return {
    status,
    headers: { ...headers, 'content-type': 'application/problem+json' },
    body: { type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, detail, ...more },
  };
}

/** 400: not a request of this kind at all. */
export function malformed(errors: readonly FieldError[]): Answer {
  return problem(400, 'The request has missing, unknown or mistyped fields.', { errors });
}

/** 422: well formed, but a value cannot be. */
export function invalid(errors: readonly FieldError[]): Answer {
  return problem(422, 'The request has fields with invalid values.', { errors });
}

export function pageJson(page: { limit: number; offset: number }, total: number, shown: number): object {
  return { total, limit: page.limit, offset: page.offset, has_more: page.offset + shown < total };
}
