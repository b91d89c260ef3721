import { instantText } from '../../core/instant.ts';
import { invalid, malformed, type Answer } from '../answers.ts';
import { reading } from '../call.ts';
import type { History } from '../history.ts';
import { readConfirmation, readEnrol, readLinkToken, readSignIn } from '../requests/console.ts';
import type { Actor, AuditAction } from '../store/ledger.ts';
import type { StoredOperator } from '../store/operators.ts';
import type { Answers } from './call.ts';
import type { SessionCookie } from './cookie.ts';
import type { Enrolments } from './enrolment.ts';
import { GONE, NOT_ADMITTED, throttled } from './problems.ts';
import type { Roster } from './roster.ts';
import type { OpenSession, Sessions } from './sessions.ts';
import type { Attempted, Doorkeeper } from './sign-in.ts';
import type { SessionAnswer, SignedIn } from './wire.ts';

export interface SessionCallsParts {
  readonly history: History;
  readonly sessions: Sessions;
  readonly cookie: SessionCookie;
  readonly doorkeeper: Doorkeeper;
  readonly enrolments: Enrolments;
  readonly roster: Roster;
}

type SessionCallName =
  | 'GET /console/api/session'
  | 'POST /console/api/session'
  | 'DELETE /console/api/session'
  | 'DELETE /console/api/sessions'
  | 'POST /console/api/session/confirm';

export function sessionCalls(parts: SessionCallsParts): Answers<SessionCallName> {
  const { history, sessions, doorkeeper, roster } = parts;
  const answers = new SessionAnswers(parts);
  return {
    'GET /console/api/session': {
      answer: async ({ session }) => {
        const body: SessionAnswer = {
          session: session === null ? null : sessions.toJson(session),
          has_operators: session !== null || (await roster.hasOperators()),
          now: instantText(history.now()),
        };
        return { status: 200, body };
      },
    },
    'POST /console/api/session': {
      answer: ({ body, by, address, session }) =>
        reading(readSignIn, body, async (given) => {
          const attempted = await doorkeeper.signIn(given, address);
          if (attempted.kind !== 'admitted') return answers.refused(attempted, by, 'operator.sign_in');
          return answers.signedIn(attempted.operator, session, by);
        }),
    },
    'DELETE /console/api/session': {
      answer: async ({ session, by }) => {
        await sessions.end(session);
        await history.done(by, 'operator.sign_out', session.operator.email);
        return answers.signedOut();
      },
    },
    'DELETE /console/api/sessions': {
      answer: async ({ session, by }) => {
        await sessions.endAll(session);
        await history.done(by, 'operator.sign_out', session.operator.email);
        return answers.signedOut();
      },
    },
    'POST /console/api/session/confirm': {
      answer: ({ body, by, address, session }) =>
        reading(readConfirmation, body, async (given) => {
          if (given === null) return malformed([{ field: '', message: 'must be one of password and code' }]);
          const attempted = await doorkeeper.confirm(session.operator, given, address);
          if (attempted.kind !== 'admitted') return answers.refused(attempted, by, 'operator.confirm');
          await history.done(by, 'operator.confirm', session.operator.email);
          return answers.signedInAs(await sessions.confirm(session));
        }),
    },
  };
}

/** What a link leads to. Whoever has used it is signed in. */
export function enrolmentCalls(
  parts: SessionCallsParts,
): Answers<'POST /console/api/enrolment/look' | 'POST /console/api/enrolment'> {
  const { enrolments } = parts;
  const answers = new SessionAnswers(parts);
  return {
    'POST /console/api/enrolment/look': {
      answer: ({ body }) =>
        reading(readLinkToken, body, async ({ token }) => {
          const enrolment = await enrolments.look(token);
          return enrolment === null ? GONE : { status: 200, body: enrolment };
        }),
    },
    'POST /console/api/enrolment': {
      answer: ({ body, by, address, session }) =>
        reading(readEnrol, body, async (draft) => {
          const outcome = await enrolments.enrol(draft, by, address);
          if (outcome.kind === 'gone') return GONE;
          if (outcome.kind === 'invalid') return invalid(outcome.errors);
          if (outcome.kind !== 'enrolled') return answers.refused(outcome, by, 'operator.enrol');
          return answers.signedIn(outcome.operator, session, by);
        }),
    },
  };
}

/** What the calls about sessions have in common: their answers, and the audit of who came in and who did not. */
class SessionAnswers {
  readonly #parts: SessionCallsParts;

  constructor(parts: SessionCallsParts) {
    this.#parts = parts;
  }

  async signedIn(operator: StoredOperator, before: OpenSession | null, by: Actor): Promise<Answer> {
    const { history, sessions, cookie } = this.#parts;
    const session = await sessions.start(operator, before?.token ?? null);
    await history.done({ ...by, operator: operator.email }, 'operator.sign_in', operator.email);
    return this.signedInAs(session, { 'set-cookie': cookie.set(session.token) });
  }

  signedInAs(session: OpenSession, headers: Readonly<Record<string, string>> = {}): Answer {
    const { history, sessions } = this.#parts;
    const body: SignedIn = { session: sessions.toJson(session), now: instantText(history.now()) };
    return { status: 200, body, headers };
  }

  signedOut(): Answer {
    const { history, cookie } = this.#parts;
    const body: SessionAnswer = { session: null, has_operators: true, now: instantText(history.now()) };
    return { status: 200, body, headers: { 'set-cookie': cookie.clear() } };
  }

  /** Whom it was about is written down where there is such an operator; what else was typed may be a password. */
  async refused(
    attempted: Exclude<Attempted, { kind: 'admitted' }>,
    by: Actor,
    action: AuditAction,
  ): Promise<Answer> {
    const { history } = this.#parts;
    if (attempted.kind === 'throttled') {
      await history.refusedNobody(by, action, 'throttled');
      return throttled(attempted.retryAfterMs);
    }
    const email = attempted.operator?.email ?? null;
    if (email === null) await history.refusedNobody(by, action);
    else await history.refusedOperator(by, action, email);
    return NOT_ADMITTED;
  }
}
