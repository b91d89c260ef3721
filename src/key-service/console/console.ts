import type { Clock } from '../../core/clock.ts';
import { TrustedProxies } from '../../core/address.ts';
import type { Answer } from '../answers.ts';
import type { KeyService } from '../keys.ts';
import type { KeyServiceLog } from '../log.ts';
import type { Peppers } from '../peppers.ts';
import { auditRefusal } from '../refused-actions.ts';
import type { Actor } from '../store/ledger.ts';
import type { Operators } from '../store/operators.ts';
import { aboutCalls, type ProfileAtGate } from './about-calls.ts';
import { Attempts } from './attempts.ts';
import { callsOf, type ConsoleCall, type OpenVisit } from './call.ts';
import { CodeSecrets } from './code-secrets.ts';
import { SessionCookie } from './cookie.ts';
import { Door, type ConsoleHead } from './door.ts';
import { Enrolments } from './enrolment.ts';
import { PageFiles, type FileAnswer } from './files.ts';
import { fleetCalls } from './fleet-calls.ts';
import { historyCalls } from './history-calls.ts';
import { keyCalls } from './key-calls.ts';
import { operatorCalls } from './operator-calls.ts';
import { PageOrigin } from './origin.ts';
import { ownerCalls } from './owner-calls.ts';
import { PAGE_HEADERS } from './page-headers.ts';
import { Passwords, type PasswordCost } from './passwords.ts';
import { CONFIRM, NOT_HERE, withCode } from './problems.ts';
import { Roster } from './roster.ts';
import { enrolmentCalls, sessionCalls } from './session-calls.ts';
import { Sessions, type SessionTimes } from './sessions.ts';
import { Doorkeeper } from './sign-in.ts';
import { TrafficLog } from './traffic-log.ts';

export interface ConsoleOptions {
  readonly service: KeyService;
  readonly operators: Operators;
  readonly peppers: Peppers;
  readonly clock: Clock;
  readonly log: KeyServiceLog;
  readonly version: string;
  /** What the configuration says: where people find the page; null: by the names of this machine. */
  readonly origin: string | null;
  readonly times: SessionTimes;
  /** Networks whose X-Forwarded-For is believed. */
  readonly trustedProxies: readonly string[];
  /** What the build made of the page. */
  readonly bundle: string;
  readonly passwordCost?: PasswordCost;
}

/** What the rest of the process tells the console, once it is there. */
export interface ConsoleSurroundings {
  readonly decisions: (requestId: string) => readonly object[];
  readonly configuration: () => unknown;
  readonly profiles: () => Readonly<Record<string, ProfileAtGate>>;
}

const ALONE: ConsoleSurroundings = { decisions: () => [], configuration: () => null, profiles: () => ({}) };

/** The web console: who may come in, what the page asks, and the page itself. */
export class Console {
  readonly calls: readonly ConsoleCall[];
  readonly roster: Roster;
  readonly #options: ConsoleOptions;
  readonly #door: Door;
  readonly #origin: PageOrigin;
  readonly #traffic: TrafficLog;
  readonly #files: PageFiles;
  #surroundings = ALONE;
  #listening = '';

  constructor(options: ConsoleOptions) {
    const { service, operators: store, peppers, clock, log, times, passwordCost } = options;
    this.#options = options;
    this.#origin = new PageOrigin(options.origin);
    this.#traffic = new TrafficLog(service.history, clock);
    this.#files = new PageFiles(options.bundle);
    const cookie = new SessionCookie(this.#origin.isSecure);
    const sessions = new Sessions(store, clock, times);
    const codes = new CodeSecrets(peppers, store);
    const passwords = new Passwords(passwordCost);
    const who = { store, clock, passwords, codes, attempts: new Attempts(store, clock) };
    this.roster = new Roster({ ...who, page: () => this.#origin.urlOf(this.#listening) });
    const trusted = new TrustedProxies(options.trustedProxies);
    this.#door = new Door({ origin: this.#origin, cookie, sessions, trusted });
    const ofSessions = {
      history: service.history,
      sessions,
      cookie,
      doorkeeper: new Doorkeeper(who),
      enrolments: new Enrolments(who),
      roster: this.roster,
    };
    const profiles = () => this.#surroundings.profiles();
    this.calls = callsOf({
      ...sessionCalls(ofSessions),
      ...enrolmentCalls(ofSessions),
      ...aboutCalls({ version: options.version, times, profiles }),
      ...keyCalls(service, log),
      ...ownerCalls(service),
      ...historyCalls(service, (requestId) => this.#surroundings.decisions(requestId)),
      ...fleetCalls(service, this.#traffic, () => this.#surroundings.configuration()),
      ...operatorCalls(this.roster),
    });
  }

  /** `listening` is the server's origin, as this machine reaches it. */
  start(listening: string): void {
    this.#listening = listening;
    this.#traffic.start();
  }

  stop(): void {
    this.#traffic.stop();
  }

  surround(surroundings: ConsoleSurroundings): void {
    this.#surroundings = surroundings;
  }

  /** Before the body is read. What is refused here is written down like any refusal. */
  async enter(
    call: ConsoleCall,
    head: ConsoleHead,
  ): Promise<Omit<OpenVisit, 'query' | 'body'> | { readonly refused: Answer }> {
    const entered = await this.#door.enter(call, head);
    if (entered.kind === 'entered') return entered.visit;
    return { refused: await this.finish(call, entered.answer, head.id ?? '', entered.by) };
  }

  /** An answer as the page reads it, once it is written down that an action was refused. */
  async finish(call: ConsoleCall, answer: Answer, id: string, by: Actor): Promise<Answer> {
    const { service, log } = this.#options;
    // Who is asked to confirm comes again.
    const action = answer === CONFIRM ? undefined : call.action;
    await auditRefusal({ service, log, action, id, by }, answer);
    const { headers, ...rest } = withCode(answer);
    return { ...rest, headers: { ...headers, ...PAGE_HEADERS } };
  }

  /** `path` is what follows `/console`; null: there is nothing. */
  async file(path: string, head: Pick<ConsoleHead, 'headers'>): Promise<FileAnswer | null> {
    const { headers } = head;
    const found = this.#origin.isAskedFor(headers)
      ? await this.#files.find(path, headers['accept-encoding'] ?? '')
      : { status: NOT_HERE.status, headers: {}, body: Buffer.from('Not served by this name.\n') };
    return found === null ? null : { ...found, headers: { ...found.headers, ...PAGE_HEADERS } };
  }
}
