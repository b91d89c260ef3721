import type { Answer, Refusal } from './answers.ts';
import type { FieldError } from './field-values.ts';
import { REQUIRED } from './requests/reader.ts';

const PLEXE_CODES: Readonly<Record<number, string>> = {
  400: 'invalid_request',
  401: 'invalid_key',
  403: 'insufficient_permissions',
  404: 'not_found',
  405: 'method_not_allowed',
  409: 'conflict',
  413: 'payload_too_large',
  422: 'validation_failed',
  429: 'rate_limit_exceeded',
  500: 'server_error',
  503: 'service_unavailable',
};

const PLEXMCP_CODES: Readonly<Record<number, string>> = {
  ...PLEXE_CODES,
  401: 'unauthorized',
  403: 'forbidden',
  422: 'validation_error',
  429: 'rate_limited',
  500: 'internal_error',
};

/** `{"error":{"code","message","status"}}`. Its message names the fields: the shape has no other place for them. */
export function plexeRefusal(refusal: Refusal): Answer {
  const { status, detail, code, errors = [], headers } = documented(refusal);
  const message = errors.length === 0 ? detail : errors.map(fieldText).join('; ');
  return withHeaders(status, headers, {
    error: { code: code ?? PLEXE_CODES[status] ?? 'server_error', message, status },
  });
}

/** `{"success":false,"error":{"code","message","details"}}`; `details` has a message for each field. */
export function plexmcpRefusal(refusal: Refusal): Answer {
  const { status, detail, code, errors = [], headers } = documented(refusal);
  const details = Object.fromEntries(errors.map(({ field, message }) => [field, message]));
  return withHeaders(status, headers, {
    success: false,
    error: { code: code ?? PLEXMCP_CODES[status] ?? 'internal_error', message: detail, details },
  });
}

/** Neither API documents 415: a body of another kind is a bad request. */
function documented(refusal: Refusal): Refusal {
  return refusal.status === 415 ? { ...refusal, status: 400 } : refusal;
}

function fieldText({ field, message }: FieldError): string {
  if (message === REQUIRED) return `Missing required field: ${field}`;
  return field === '' ? message : `${field} ${message}`;
}

function withHeaders(status: number, headers: Refusal['headers'], body: object): Answer {
  const charset = { 'content-type': 'application/json; charset=utf-8' };
  return { status, headers: { ...charset, ...headers }, body };
}
