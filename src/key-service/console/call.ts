import type { Answer } from '../answers.ts';
import type { Actor, AuditAction } from '../store/ledger.ts';
import type { OpenSession } from './sessions.ts';
import { CALLS, type CallName, type CallTerms } from './wire.ts';

/** What a call of the page is given. */
export interface Visit {
  readonly id: string;
  readonly query: unknown;
  readonly body: unknown;
  /** The operator who acts, or nobody. */
  readonly by: Actor;
  /** The client's address, by which attempts are counted. */
  readonly address: string;
}

/** The same of somebody who is signed in and may make the call. */
export interface SignedVisit extends Visit {
  readonly session: OpenSession;
}

/** Of a call that anybody may make: the session, where there is one. */
export interface OpenVisit extends Visit {
  readonly session: OpenSession | null;
}

type VisitOf<N extends CallName> = (typeof CALLS)[N]['role'] extends 'anyone' ? OpenVisit : SignedVisit;

export interface AnswerTo<N extends CallName> {
  readonly action?: AuditAction;
  readonly answer: (visit: VisitOf<N>) => Promise<Answer>;
}

/** The answers to some of the calls. */
export type Answers<N extends CallName> = { readonly [Name in N]: AnswerTo<Name> };

export interface ConsoleCall {
  readonly method: string;
  readonly path: string;
  readonly terms: CallTerms;
  /** What the audit calls it, where it may be refused. */
  readonly action?: AuditAction | undefined;
  readonly answer: (visit: OpenVisit) => Promise<Answer>;
}

export function callsOf(answers: Answers<CallName>): readonly ConsoleCall[] {
  return (Object.keys(CALLS) as CallName[]).map((name) => {
    const [method = '', path = ''] = name.split(' ');
    const { action, answer } = answers[name] as AnswerTo<CallName>;
    // The door lets nobody in who is not signed in where the terms want it.
    return { method, path, terms: CALLS[name], action, answer: answer as ConsoleCall['answer'] };
  });
}
