import type { IncomingMessage, ServerResponse } from 'node:http';
import { Pool, type Dispatcher } from 'undici';
import type { ProxyConfig } from '../config/config.ts';
import type { Permit } from '../core/decision.ts';
import { passAnswerHeaders } from '../core/forward-headers.ts';
import { RATE_LIMIT_FIELD_NAMES } from '../core/rate-limit-fields.ts';
import type { Place } from './routes.ts';

export interface Forward {
  /** Nothing is forwarded without one. */
  readonly permit: Permit<Place>;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Flat, ready for the upstream. */
  readonly headers: readonly string[];
  /** Flat, for the answer: what the gate adds to the upstream's own. */
  readonly answerHeaders: readonly string[];
  readonly hasBody: boolean;
}

export type UpstreamError = 'timeout' | 'refused' | 'reset' | 'tls';

/** Bytes of bodies; what was sent to the upstream and what to the client. */
export interface Bytes {
  readonly bytesIn: number;
  readonly bytesOut: number;
}

export type ForwardOutcome = { readonly bytes: Bytes } &
  /** The upstream's answer has been passed on, whole or, where either side broke off, in part. */
  (
    | {
        readonly kind: 'answered';
        readonly status: number;
        readonly answeredAt: number;
        readonly complete: boolean;
      }
    /** Nothing was sent to the client yet. */
    | { readonly kind: 'failed'; readonly error: UpstreamError; readonly detail: string }
    | { readonly kind: 'client_gone' }
  );

type Settlement = ForwardOutcome & { readonly mayRepeat?: boolean };
/** ForwardOutcome without what every settlement adds. */
type Ending =
  | { kind: 'answered'; status: number; answeredAt: number; complete: boolean }
  | { kind: 'failed'; error: UpstreamError; detail: string; mayRepeat?: boolean }
  | { kind: 'client_gone' };

export interface Forwarder {
  forward(forward: Forward): Promise<ForwardOutcome>;
  close(): Promise<void>;
}

type Timeouts = ProxyConfig['timeouts'];

/** How often stalled requests are looked for; deadlines are late by at most this. */
const SWEEP_MS = 100;
const EVENT_STREAM = /^text\/event-stream\b/i;
/** Methods that change nothing, so that one which met a connection the upstream had just closed may go again. */
const REPEATABLE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);
const NO_FIELDS: ReadonlySet<string> = new Set(['x-request-id']);
const LIMITED_FIELDS: ReadonlySet<string> = new Set(['x-request-id', ...RATE_LIMIT_FIELD_NAMES]);

/** HTTP to the upstreams over undici: streaming both ways with back-pressure, one pool of connections per origin. */
export function createForwarder(timeouts: Timeouts, monotonic: () => number): Forwarder {
  const pools = new Map<string, Pool>();
  const flights = new Set<Flight>();
  const sweeper = setInterval(() => {
    const now = monotonic();
    for (const flight of flights) flight.endIfStalled(now);
  }, SWEEP_MS);
  sweeper.unref();

  const poolOf = (origin: string): Pool => {
    let pool = pools.get(origin);
    if (pool === undefined) {
      // Deadlines for the answer are the sweeper's, which knows a stream of events from a stalled answer.
      pool = new Pool(origin, {
        pipelining: 1,
        connect: { timeout: timeouts.connectMs },
        headersTimeout: 0,
        bodyTimeout: 0,
      });
      pools.set(origin, pool);
    }
    return pool;
  };

  const attempt = (forward: Forward): Promise<Settlement> =>
    new Promise((resolve) => {
      const flight = new Flight(forward, timeouts, monotonic, (outcome) => {
        flights.delete(flight);
        resolve(outcome);
      });
      flights.add(flight);
      flight.dispatch(poolOf(forward.permit.route.route.origin));
    });

  return {
    async forward(forward) {
      const outcome = await attempt(forward);
      return outcome.mayRepeat === true ? attempt(forward) : outcome;
    },
    async close() {
      clearInterval(sweeper);
      await Promise.all([...pools.values()].map((pool) => pool.destroy()));
    },
  };
}

/** One request on its way to an upstream and its answer on the way back. It settles exactly once. */
class Flight implements Dispatcher.DispatchHandler {
  readonly #forward: Forward;
  readonly #timeouts: Timeouts;
  readonly #monotonic: () => number;
  readonly #settle: (outcome: Settlement) => void;
  #phase: 'connecting' | 'sending' | 'waiting' | 'answering' | 'settled' = 'connecting';
  #controller: Dispatcher.DispatchController | null = null;
  #progressAt: number;
  #answer: { status: number; answeredAt: number; endless: boolean } | null = null;
  #timedOut = false;
  #bytesIn = 0;
  #bytesOut = 0;

  constructor(
    forward: Forward,
    timeouts: Timeouts,
    monotonic: () => number,
    settle: (outcome: Settlement) => void,
  ) {
    this.#forward = forward;
    this.#timeouts = timeouts;
    this.#monotonic = monotonic;
    this.#settle = settle;
    this.#progressAt = monotonic();
  }

  dispatch(pool: Pool): void {
    const { permit, request, response, headers, hasBody } = this.#forward;
    response.once('close', this.#onClientClose);
    response.on('drain', this.#onDrain);
    try {
      pool.dispatch(
        {
          path: permit.route.forwardedPath,
          method: request.method as Dispatcher.HttpMethod,
          headers: headers as string[],
          // Not the request itself: undici destroys a body on failure, and with it the client's connection.
          body: hasBody ? request.iterator({ destroyOnReturn: false }) : null,
          // By default undici gives up the connection after a HEAD.
          reset: false,
        } as Dispatcher.DispatchOptions,
        this,
      );
    } catch (error) {
      this.onResponseError(null, error as Error);
    }
  }

  /** Ends a request that has made no progress for longer than its phase allows. */
  endIfStalled(now: number): void {
    const { bodyIdleMs, firstByteMs } = this.#timeouts;
    const idleMs = now - this.#progressAt;
    const stalled =
      (this.#phase === 'sending' && idleMs > bodyIdleMs) ||
      (this.#phase === 'waiting' && idleMs > firstByteMs) ||
      (this.#phase === 'answering' && idleMs > bodyIdleMs && this.#answer?.endless === false);
    if (!stalled) return;
    this.#timedOut = true;
    this.#controller?.abort(new Error('no progress'));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#phase === 'settled') {
      controller.abort(new Error('the client has left'));
      return;
    }
    this.#phase = this.#forward.hasBody ? 'sending' : 'waiting';
    this.#progressAt = this.#monotonic();
  }

  onBodySent(chunk: Uint8Array): void {
    this.#bytesIn += chunk.byteLength;
    this.#progressAt = this.#monotonic();
  }

  onRequestSent(): void {
    if (this.#phase === 'sending') this.#phase = 'waiting';
    this.#progressAt = this.#monotonic();
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
    statusText?: string,
  ): void {
    this.#progressAt = this.#monotonic();
    if (status < 200 || this.#phase === 'settled') return;
    const { response, answerHeaders, permit } = this.#forward;
    const replaced = permit.limits.length > 0 ? LIMITED_FIELDS : NO_FIELDS;
    const fields = passAnswerHeaders(rawText(controller.rawHeaders), replaced);
    for (const field of answerHeaders) fields.push(field);
    this.#phase = 'answering';
    const contentType = headers['content-type'];
    this.#answer = {
      status,
      answeredAt: this.#progressAt,
      endless: typeof contentType === 'string' && EVENT_STREAM.test(contentType),
    };
    if (statusText === undefined || statusText === '') response.writeHead(status, fields);
    else response.writeHead(status, statusText, fields);
    // A head may come long before its body. One that brought none along is sent by itself.
    process.nextTick(this.#sendHeadAlone);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#progressAt = this.#monotonic();
    this.#bytesOut += chunk.byteLength;
    if (!this.#forward.response.write(chunk)) controller.pause();
  }

  onResponseEnd(): void {
    if (this.#phase === 'settled') return;
    this.#forward.response.end();
    this.#finish(true);
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    if (this.#phase === 'settled') return;
    if (this.#answer !== null) {
      // The client must not take half an answer for a whole one.
      this.#forward.response.destroy();
      this.#finish(false);
      return;
    }
    const mayRepeat = !this.#timedOut && !this.#forward.hasBody && this.#isRepeatable(error);
    const kind = this.#timedOut ? 'timeout' : upstreamErrorOf(error);
    this.#end({ kind: 'failed', error: kind, detail: codeOf(error), ...(mayRepeat ? { mayRepeat } : {}) });
  }

  /** A connection that the upstream closed while it lay idle; the request never reached it, or changed nothing. */
  #isRepeatable(error: Error): boolean {
    return (
      this.#controller !== null &&
      REPEATABLE.has(this.#forward.request.method ?? '') &&
      ['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'].includes(codeOf(error))
    );
  }

  readonly #sendHeadAlone = (): void => {
    if (this.#phase === 'answering' && this.#bytesOut === 0) this.#forward.response.flushHeaders();
  };

  readonly #onDrain = (): void => {
    this.#progressAt = this.#monotonic();
    this.#controller?.resume();
  };

  readonly #onClientClose = (): void => {
    if (this.#phase === 'settled') return;
    if (this.#answer === null) this.#end({ kind: 'client_gone' });
    else this.#finish(false);
    this.#controller?.abort(new Error('the client has left'));
  };

  #finish(complete: boolean): void {
    const { status, answeredAt } = this.#answer ?? { status: 0, answeredAt: 0 };
    this.#end({ kind: 'answered', status, answeredAt, complete });
  }

  #end(ending: Ending): void {
    this.#phase = 'settled';
    this.#forward.response.off('close', this.#onClientClose);
    this.#forward.response.off('drain', this.#onDrain);
    this.#settle({ ...ending, bytes: { bytesIn: this.#bytesIn, bytesOut: this.#bytesOut } });
  }
}

function rawText(raw: unknown): string[] {
  return Array.isArray(raw)
    ? raw.map((part: unknown) => (Buffer.isBuffer(part) ? part.toString('latin1') : String(part)))
    : [];
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}

function upstreamErrorOf(error: Error): UpstreamError {
  const code = codeOf(error);
  if (code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'ETIMEDOUT') return 'timeout';
  if (code.startsWith('ERR_TLS') || code.startsWith('ERR_SSL') || code.includes('CERT')) return 'tls';
  return ['ECONNREFUSED', 'ENOTFOUND', 'EHOSTUNREACH', 'ENETUNREACH', 'EAI_AGAIN'].includes(code)
    ? 'refused'
    : 'reset';
}
