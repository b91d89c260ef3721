import { STATUS_CODES } from 'node:http';
import type { FieldError } from './field-values.ts';

/** An answer of the key service's HTTP door, before any server library has seen it. */
export interface Answer {
  readonly status: number;
  readonly body: object;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Problem details by RFC 9457. `more` may add members; `errors` names fields. */
export function problem(
  status: number,
  detail: string,
  more: object = {},
  headers: Record<string, string> = {},
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
