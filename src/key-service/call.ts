import { malformed, type Answer, type RefusalWriter } from './answers.ts';
import type { RequestReader } from './requests/reader.ts';
import type { Actor, AuditAction } from './store/ledger.ts';

export interface CallRequest {
  readonly id: string;
  readonly query: unknown;
  readonly body: unknown;
  /** Who calls: of the contract endpoints the key that a gate vouches for. */
  readonly by: Actor;
  /** Whether a gate has said all of who calls. */
  readonly identified: boolean;
  /** Aborted when the caller has left. */
  readonly signal: AbortSignal;
}

/** Which token opens a call; `anyone` needs none. */
export type Door = 'admin' | 'service' | 'anyone';

export interface Call {
  readonly method: 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE';
  /** `:id` stands for one segment. */
  readonly path: string;
  readonly door: Door;
  readonly bodyLimit?: number;
  /** What the audit calls it. A call that changes keys or owners has one, and is written down when it is refused, too. */
  readonly action?: AuditAction;
  /** How refusals are written where it is not problem details. */
  readonly refusal?: RefusalWriter;
  readonly answer: (request: CallRequest) => Promise<Answer>;
}

/** Answers what was read; else what is malformed, in the words of `write`. */
export async function reading<T>(
  read: RequestReader<T>,
  from: unknown,
  answer: (value: T) => Promise<Answer>,
  write?: RefusalWriter,
): Promise<Answer> {
  const request = read(from);
  if (request.kind === 'read') return answer(request.value);
  const { errors } = request;
  return write === undefined ? malformed(errors) : write({ status: 400, detail: MALFORMED, errors });
}

const MALFORMED = 'The request has missing or mistyped fields';
