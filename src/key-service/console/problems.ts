import { problem, type Answer } from '../answers.ts';
import type { ProblemCode } from './wire.ts';

/** Refusals as the page reads them. */
export function refusal(status: number, code: ProblemCode, detail: string): Answer {
  return problem(status, detail, { code });
}

export const SIGNED_OUT = refusal(401, 'signed_out', 'Nobody is signed in, or the session has ended.');
export const NOT_ADMITTED = refusal(401, 'not_admitted', 'Email, password or code are wrong.');
export const FOREIGN = refusal(403, 'foreign', 'The call did not come from the console itself.');
export const NOT_HERE = refusal(421, 'foreign', 'The console is not served by this name.');
export const ROLE = refusal(403, 'role', 'The role of the operator does not allow this.');
export const CONFIRM = refusal(403, 'confirm', 'This needs password or code to have been given just now.');
export const GONE = refusal(410, 'gone', 'The link has been used, or has run out.');

export function throttled(retryAfterMs: number): Answer {
  const seconds = String(Math.ceil(retryAfterMs / 1000));
  const detail = 'There were too many attempts; come back later.';
  const more = { code: 'throttled', retry_after_ms: Math.ceil(retryAfterMs) };
  return problem(429, detail, more, { 'retry-after': seconds });
}

const CODES: Readonly<Record<number, ProblemCode>> = {
  400: 'malformed',
  401: 'signed_out',
  403: 'role',
  404: 'unknown',
  405: 'malformed',
  409: 'conflict',
  410: 'gone',
  413: 'malformed',
  415: 'malformed',
  422: 'invalid',
  429: 'throttled',
};

/** A refusal of a part that knows nothing of the console has the code its status stands for. */
export function withCode(answer: Answer): Answer {
  if (answer.status < 400 || 'code' in answer.body) return answer;
  return { ...answer, body: { ...answer.body, code: CODES[answer.status] ?? 'failed' } };
}
