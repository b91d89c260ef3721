import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import { Pool, type Dispatcher } from 'undici';
import type { ProxyConfig } from '../../config/config.ts';
import { UnusableField } from '../../core/json-fields.ts';
import type { Digest, Secret } from '../../core/secret.ts';
import {
  foundFromJson,
  grantFromJson,
  renewalToJson,
  reportToJson,
  unknownFromJson,
} from '../../core/wire-json.ts';
import type { Grant, KeySource, Renewal, Renewals, Report, ReportSink, Resolution } from '../../core/wire.ts';
import { KeyServiceError } from './service-error.ts';
import { Exchange, type ExchangeOutcome } from './service-exchange.ts';

export interface KeyServiceClientOptions {
  readonly service: NonNullable<ProxyConfig['keys']['service']>;
  /** After which a call counts as failed, however far its answer has come. */
  readonly deadlinesMs?: Deadlines;
}

interface Deadlines {
  readonly resolve: number;
  readonly renew: number;
  readonly report: number;
}

const DEADLINES_MS: Deadlines = { resolve: 1000, renew: 1000, report: 2000 };
const CONNECT_TIMEOUT_MS = 1000;
const RECORD_BYTES = 256 * 1024;
/** Ten thousand changes with ids of the greatest length. */
const GRANT_BYTES = 8 * 1024 * 1024;
const REPORT_ANSWER_BYTES = 64 * 1024;
/** What a key service says that does not offer a call. */
const NOT_OFFERED: ReadonlySet<number> = new Set([404, 405, 501]);
const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json[ \t]*(?:;|$)/i;
const utf8 = new TextDecoder('utf-8', { fatal: true });

interface Question {
  readonly pool: Pool;
  readonly path: string;
  readonly body: object;
  readonly mostBytes: number;
  readonly deadlineMs: number;
  readonly signal: AbortSignal | null;
  /** Absent or null: of no request that is traced. */
  readonly traceparent?: string | null;
}

type Answered = Extract<ExchangeOutcome, { readonly kind: 'answered' }>;

/**
 * The key service of another process, over HTTP: the project's own, or anybody's that keeps to its OpenAPI document.
 * A request goes again only where none of it can have been sent. Each kind of call has connections of its own, so that
 * lookups that hang hold up no renewal.
 */
export class KeyServiceClient implements KeySource, Renewals, ReportSink {
  readonly #basePath: string;
  #headers: Readonly<Record<string, string>>;
  readonly #deadlinesMs: Deadlines;
  readonly #lookups: Pool;
  readonly #renewals: Pool;
  readonly #reports: Pool;

  constructor({ service, deadlinesMs = DEADLINES_MS }: KeyServiceClientOptions) {
    const { origin, basePath, token } = service;
    this.#basePath = basePath;
    this.#headers = headersOf(token);
    this.#deadlinesMs = deadlinesMs;
    const secureContext = origin.startsWith('https:') ? knownAuthorities() : null;
    this.#lookups = poolOf(origin, 16, secureContext);
    this.#renewals = poolOf(origin, 2, secureContext);
    this.#reports = poolOf(origin, 1, secureContext);
  }

  /** From now on this token is presented. */
  adopt(token: Secret): void {
    this.#headers = headersOf(token);
  }

  async resolve(digest: Digest, signal: AbortSignal, traceparent: string | null = null): Promise<Resolution> {
    const answer = await this.#ask({
      pool: this.#lookups,
      path: '/v1/keys/resolve',
      body: { digest },
      mostBytes: RECORD_BYTES,
      deadlineMs: this.#deadlinesMs.resolve,
      signal,
      traceparent,
    });
    if (answer.status === 200) return read(answer, foundFromJson);
    // Any server answers 404 where it has nothing; only one that tells its head has looked for the key.
    if (answer.status === 404) return read(answer, unknownFromJson);
    throw refusalOf(answer);
  }

  async renew(member: string, renewal: Renewal, signal: AbortSignal): Promise<Grant | null> {
    const answer = await this.#ask({
      pool: this.#renewals,
      path: `/v1/members/${encodeURIComponent(member)}/renew`,
      body: renewalToJson(renewal),
      mostBytes: GRANT_BYTES,
      deadlineMs: this.#deadlinesMs.renew,
      signal,
    });
    if (answer.status === 200) return read(answer, (json) => grantFromJson(json, renewal));
    if (NOT_OFFERED.has(answer.status)) return null;
    throw refusalOf(answer);
  }

  /** A key service that offers no such call wants no reports, and they are dropped. */
  async report(report: Report): Promise<void> {
    const answer = await this.#ask({
      pool: this.#reports,
      path: '/v1/reports',
      body: reportToJson(report),
      mostBytes: REPORT_ANSWER_BYTES,
      deadlineMs: this.#deadlinesMs.report,
      signal: null,
    });
    const taken = answer.status >= 200 && answer.status < 300;
    if (!taken && !NOT_OFFERED.has(answer.status)) throw refusalOf(answer);
  }

  /** Calls under way fail. */
  async close(): Promise<void> {
    await Promise.all([this.#lookups, this.#renewals, this.#reports].map((pool) => pool.destroy()));
  }

  async #ask(question: Question): Promise<Answered> {
    const { signal, deadlineMs } = question;
    signal?.throwIfAborted();
    const until = performance.now() + deadlineMs;
    const first = await this.#exchange(question, deadlineMs);
    const goesAgain = first.kind === 'failed' && !first.sent && signal?.aborted !== true;
    const leftMs = until - performance.now();
    const outcome = goesAgain && leftMs > 0 ? await this.#exchange(question, leftMs) : first;
    if (outcome.kind === 'answered') return outcome;
    signal?.throwIfAborted();
    throw new KeyServiceError(null, outcome.detail);
  }

  #exchange(question: Question, leftMs: number): Promise<ExchangeOutcome> {
    const { pool, path, body, mostBytes, deadlineMs, signal, traceparent = null } = question;
    return new Promise((resolve) => {
      const exchange = new Exchange(mostBytes, (outcome) => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        resolve(outcome);
      });
      const timer = setTimeout(() => exchange.giveUp(`did not answer within ${deadlineMs} ms`), leftMs);
      const onAbort = (): void => exchange.giveUp('was not waited for');
      signal?.addEventListener('abort', onAbort, { once: true });
      const request = {
        path: this.#basePath + path,
        method: 'POST' as const,
        headers: traceparent === null ? this.#headers : { ...this.#headers, traceparent },
        body: JSON.stringify(body),
      };
      try {
        pool.dispatch(request satisfies Dispatcher.DispatchOptions, exchange);
      } catch (error) {
        exchange.onResponseError(null, error as Error);
      }
    });
  }
}

function headersOf(token: Secret): Readonly<Record<string, string>> {
  return {
    authorization: `Bearer ${token.reveal()}`,
    'content-type': 'application/json',
    accept: 'application/json',
    'user-agent': 'plexgate',
  };
}

/** Deadlines are the client's own, to the millisecond; undici's are not. */
function poolOf(origin: string, connections: number, secureContext: SecureContext | null): Pool {
  return new Pool(origin, {
    connections,
    pipelining: 1,
    allowH2: false,
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: { timeout: CONNECT_TIMEOUT_MS, ...(secureContext === null ? {} : { secureContext }) },
  });
}

/** Those that Node brings along and those that the system trusts, which know an organization's own. */
function knownAuthorities(): SecureContext {
  const all = [...getCACertificates('default'), ...getCACertificates('system')];
  return createSecureContext({ ca: [...new Set(all)] });
}

function read<T>(answer: Answered, fromJson: (json: unknown) => T): T {
  const { status } = answer;
  const json = jsonOf(answer);
  try {
    return fromJson(json);
  } catch (error) {
    if (!(error instanceof UnusableField)) throw error;
    throw new KeyServiceError(status, `answered ${status}, but ${error.message}${hintOf(status)}`);
  }
}

function jsonOf({ status, contentType, body }: Answered): unknown {
  if (!JSON_TYPE.test(contentType)) {
    throw new KeyServiceError(status, `answered ${status}, but not with application/json${hintOf(status)}`);
  }
  try {
    return JSON.parse(utf8.decode(body));
  } catch {
    throw new KeyServiceError(
      status,
      `answered ${status}, but with a body that is not JSON${hintOf(status)}`,
    );
  }
}

function hintOf(status: number): string {
  return status === 404 ? '; is the URL that of a key service?' : '';
}

function refusalOf({ status }: Answered): KeyServiceError {
  if (status === 401 || status === 403)
    return new KeyServiceError(status, `refused the service token (${status})`);
  if (status >= 300 && status < 400) {
    return new KeyServiceError(status, `answered ${status}; redirections are not followed`);
  }
  return new KeyServiceError(status, `answered ${status}`);
}
