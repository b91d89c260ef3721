import { timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { plainAddress, type TrustedProxies } from '../../core/address.ts';
import { adminActor } from '../actor.ts';
import type { Answer } from '../answers.ts';
import type { Actor } from '../store/ledger.ts';
import type { ConsoleCall, OpenVisit } from './call.ts';
import type { SessionCookie } from './cookie.ts';
import type { PageOrigin } from './origin.ts';
import { CONFIRM, FOREIGN, NOT_HERE, ROLE, SIGNED_OUT } from './problems.ts';
import type { OpenSession, Sessions } from './sessions.ts';
import { csrfOf } from './tokens.ts';
import { ROLES, type Role } from './wire.ts';

/** What is known of a request before its body is read. */
export interface ConsoleHead {
  readonly headers: IncomingHttpHeaders;
  readonly requestId: string;
  readonly peer: string | undefined;
  readonly method: string;
  readonly id: string | undefined;
}

export type Entered =
  | { readonly kind: 'entered'; readonly visit: Omit<OpenVisit, 'query' | 'body'> }
  | { readonly kind: 'refused'; readonly answer: Answer; readonly by: Actor };

export interface DoorParts {
  readonly origin: PageOrigin;
  readonly cookie: SessionCookie;
  readonly sessions: Sessions;
  readonly trusted: TrustedProxies;
}

/** Who may make a call: judged here for every call and nowhere else, by its terms and before its body is read. */
export class Door {
  readonly #parts: DoorParts;

  constructor(parts: DoorParts) {
    this.#parts = parts;
  }

  async enter(call: ConsoleCall, head: ConsoleHead): Promise<Entered> {
    const { origin, cookie, sessions } = this.#parts;
    const { headers } = head;
    const address = this.#addressOf(head);
    const nobody = { ...adminActor({ ...head, path: call.path }), address };
    const refused = (answer: Answer, by: Actor = nobody): Entered => ({ kind: 'refused', answer, by });
    if (!origin.isAskedFor(headers)) return refused(NOT_HERE);
    const isRead = call.method === 'GET';
    if (isRead ? isFromElsewhere(headers) : !origin.isOwn(headers)) return refused(FOREIGN);
    const token = cookie.read(headers.cookie);
    const session = token === null ? null : await sessions.find(token, headers['x-background'] === '1');
    const by = session === null ? nobody : { ...nobody, operator: session.operator.email };
    const visit = { id: head.id ?? '', by, address, session };
    const { role, confirmed } = call.terms;
    if (role === 'anyone') {
      // No form and no other page can send such a header, whatever it says.
      const isOurs = isRead || headers['x-csrf-token'] !== undefined;
      return isOurs ? { kind: 'entered', visit } : refused(FOREIGN, by);
    }
    if (session === null) return refused(SIGNED_OUT);
    if (!isRead && !hasToken(headers, session)) return refused(FOREIGN, by);
    if (!reaches(session.operator.role, role)) return refused(ROLE, by);
    if (confirmed === true && !sessions.isConfirmed(session)) return refused(CONFIRM, by);
    return { kind: 'entered', visit };
  }

  #addressOf({ peer = '', headers }: ConsoleHead): string {
    const line = headers['x-forwarded-for'];
    const forwardedFor = line === undefined ? [] : [line].flat();
    return this.#parts.trusted.clientAddress(plainAddress(peer), { forwardedFor });
  }
}

/** A browser that says so: a page of another origin asks, which could not read the answer in any case. */
function isFromElsewhere(headers: IncomingHttpHeaders): boolean {
  return ['cross-site', 'same-site'].includes(String(headers['sec-fetch-site']));
}

function hasToken(headers: IncomingHttpHeaders, { token }: OpenSession): boolean {
  const given = Buffer.from(String(headers['x-csrf-token'] ?? ''));
  const wanted = Buffer.from(csrfOf(token));
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

function reaches(has: string, wanted: Role): boolean {
  return ROLES.indexOf(has as Role) >= ROLES.indexOf(wanted);
}
