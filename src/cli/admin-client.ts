import type { Secret } from '../core/secret.ts';
import { whyNoAnswer } from './no-answer.ts';

export interface AdminAccess {
  /** Of the key service or of a gate's admin port, without a slash at its end. */
  readonly url: string;
  /** Null: none is sent. */
  readonly token: Secret | null;
}

export interface AdminCall {
  readonly method: 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE';
  /** Segments that are not ours are percent-encoded. */
  readonly path: string;
  readonly body?: object;
  readonly deadlineMs?: number;
}

export type AdminAnswer =
  /** `body` is undefined where the answer was no JSON. */
  | { readonly kind: 'answer'; readonly status: number; readonly statusText: string; readonly body: unknown }
  /** Whether the call took effect is then unknown, unless `why` says that nobody was reached. */
  | { readonly kind: 'no_answer'; readonly why: string };

const DEADLINE_MS = 15_000;

/** One call of the admin API. Never rejects, and never follows a redirection: the token is for this address alone. */
export async function callAdmin({ url, token }: AdminAccess, call: AdminCall): Promise<AdminAnswer> {
  const { method, path, body, deadlineMs = DEADLINE_MS } = call;
  try {
    const response = await fetch(url + path, {
      method,
      redirect: 'manual',
      signal: AbortSignal.timeout(deadlineMs),
      headers: {
        accept: 'application/json',
        ...(token === null ? {} : { authorization: `Bearer ${token.reveal()}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const { status, statusText } = response;
    return { kind: 'answer', status, statusText, body: parsed(await response.text()) };
  } catch (error) {
    return { kind: 'no_answer', why: whyNoAnswer(error, deadlineMs) };
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
