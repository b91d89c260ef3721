import type { ProxyConfig } from '../config/config.ts';
import type { Permit } from '../core/decision.ts';
import { Flight, type Landing } from './flight.ts';
import type { InboundAnswer } from './inbound/answer.ts';
import type { InboundRequest } from './inbound/request.ts';
import { hopEndOf, type RequestTrace } from './request-trace.ts';
import { Roll } from './roll.ts';
import type { Place } from './routes.ts';
import type { Targets } from './targets.ts';
import type { UpstreamRequest } from './upstream/connection.ts';
import { Pool } from './upstream/pool.ts';

export interface Forward {
  /** Nothing is forwarded without one. */
  readonly permit: Permit<Place>;
  readonly request: InboundRequest;
  readonly answer: InboundAnswer;
  /** Flat, ready for the upstream. */
  readonly headers: readonly string[];
  /** Flat, for the answer: what the gate adds to the upstream's own. */
  readonly answerHeaders: string[];
  /** Called once when the upstream's answer begins, before any of it reaches the client. */
  readonly answered: (status: number) => void;
  readonly timeouts: ProxyConfig['timeouts'];
  /** Told of each attempt, and gives it its headers; absent or null: nobody. */
  readonly trace?: RequestTrace | null;
  /** Told of an answer that is a stream of events, and how to end it; returns what to call when it is over. */
  readonly streams: (end: () => void) => () => void;
}

export interface Forwarder {
  /** Never rejects. */
  forward(forward: Forward): Promise<Forwarded>;
  /** PEM of the authorities that may vouch for upstreams; null: the public ones. */
  readonly ca: string | null;
  /** From now on these authorities vouch for upstreams, in PEM. */
  trust(ca: string): void;
  /** Connections to other origins end with what is under way on them. */
  keep(origins: ReadonlySet<string>): void;
  /** Everything that is under way ends now. */
  close(): void;
}

export interface Forwarded {
  /** Of the last attempt, to `origin`. */
  readonly landing: Landing;
  readonly origin: string;
}

export interface ForwarderOptions {
  readonly monotonic: () => number;
  readonly targets: Targets;
  /** PEM; null: the public authorities. */
  readonly ca: string | null;
}

/** How often stalled requests are looked for; deadlines are late by at most this. */
const SWEEP_MS = 100;

/** HTTP to the upstreams on connections of our own: streaming both ways with back-pressure, one pool of connections per origin. */
export function createForwarder(options: ForwarderOptions): Forwarder {
  const { monotonic, targets } = options;
  const pools = new Pools(monotonic, options.ca);
  const flights = new Roll<Flight>();
  let isClosed = false;
  const sweeper = setInterval(() => {
    const now = monotonic();
    flights.forEach((flight) => flight.endIfStalled(now));
    pools.sweep(now);
  }, SWEEP_MS).unref();

  return {
    forward: (forward) =>
      new Promise((resolve) => {
        new Errand(forward, { pools, flights, targets, monotonic, isClosed: () => isClosed }, resolve).set();
      }),
    get ca() {
      return pools.ca;
    },
    trust: (ca) => pools.trust(ca),
    keep: (origins) => pools.keep(origins),
    close() {
      isClosed = true;
      clearInterval(sweeper);
      pools.keep(new Set());
      flights.forEach((flight) => flight.abort('the gate is closing'));
    },
  };
}

interface ErrandParts {
  readonly pools: Pools;
  readonly flights: Roll<Flight>;
  readonly targets: Targets;
  readonly monotonic: () => number;
  isClosed(): boolean;
}

/** One request and its attempts, one after another. */
class Errand {
  readonly #forward: Forward;
  readonly #parts: ErrandParts;
  readonly #done: (forwarded: Forwarded) => void;
  readonly #tried: string[] = [];
  /** Whether it has gone once more already. */
  #isRepeated = false;

  constructor(forward: Forward, parts: ErrandParts, done: (forwarded: Forwarded) => void) {
    this.#forward = forward;
    this.#parts = parts;
    this.#done = done;
  }

  /** The next attempt. */
  set(): void {
    const { pools, flights, targets, monotonic } = this.#parts;
    const { permit, headers, trace } = this.#forward;
    const origin = targets.pick(permit.route.route.origins, this.#tried);
    const hop = trace?.hop(origin, headers, { at: monotonic(), repeats: this.#tried.length });
    const flight = new Flight(this.#forward, monotonic, (landing) => {
      flights.remove(flight);
      hop?.end(hopEndOf(landing.ending), monotonic());
      this.#landed(landing, origin);
    });
    flights.add(flight);
    const request = requestOf(this.#forward, hop?.headers ?? headers);
    flight.connection = pools.of(origin).send(request, flight, this.#isRepeated);
  }

  #landed(landing: Landing, origin: string): void {
    const { targets } = this.#parts;
    const { ending } = landing;
    this.#tried.push(origin);
    if (ending.kind === 'answered') targets.answered(origin);
    if (ending.kind === 'failed') {
      targets.failed(origin, ending.unsent);
      // What has not left may go to any other; what changes nothing may go once more.
      const others = this.#forward.permit.route.route.origins.length - this.#tried.length;
      const mayGoAgain = ending.unsent ? others > 0 : ending.mayRepeat && !this.#isRepeated;
      if (mayGoAgain && !this.#parts.isClosed()) {
        this.#isRepeated ||= ending.mayRepeat;
        return this.set();
      }
    }
    this.#done({ landing, origin });
  }
}

function requestOf({ permit, request }: Forward, headers: readonly string[]): UpstreamRequest {
  const { method, awaitsContinue } = request.head;
  return {
    method,
    path: permit.route.forwardedPath,
    headers,
    body: request.hasBody ? request : null,
    expectsContinue: awaitsContinue,
  };
}

/** The pools of connections, one for each origin. */
class Pools {
  readonly #monotonic: () => number;
  readonly #pools = new Map<string, Pool>();
  #ca: string | null;

  constructor(monotonic: () => number, ca: string | null) {
    this.#monotonic = monotonic;
    this.#ca = ca;
  }

  get ca(): string | null {
    return this.#ca;
  }

  of(origin: string): Pool {
    let pool = this.#pools.get(origin);
    if (pool === undefined) {
      pool = new Pool({ origin, ca: this.#ca, monotonic: this.#monotonic });
      this.#pools.set(origin, pool);
    }
    return pool;
  }

  /** Connections that were made under the authorities before end with what is under way on them. */
  trust(ca: string): void {
    this.#ca = ca;
    this.#retire((origin) => origin.startsWith('https:'));
  }

  keep(origins: ReadonlySet<string>): void {
    this.#retire((origin) => !origins.has(origin));
  }

  sweep(now: number): void {
    for (const pool of this.#pools.values()) pool.sweep(now);
  }

  #retire(concerns: (origin: string) => boolean): void {
    for (const [origin, pool] of this.#pools) {
      if (!concerns(origin)) continue;
      this.#pools.delete(origin);
      pool.retire();
    }
  }
}
