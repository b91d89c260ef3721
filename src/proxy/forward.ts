import type { IncomingMessage, ServerResponse } from 'node:http';
import { Pool, type Dispatcher } from 'undici';
import type { ProxyConfig } from '../config/config.ts';
import type { Permit } from '../core/decision.ts';
import { launchExpecting } from './expecting.ts';
import { Flight, type Landing } from './flight.ts';
import { Flights } from './flights.ts';
import { hopEndOf, type RequestTrace } from './request-trace.ts';
import type { Place } from './routes.ts';
import type { Targets } from './targets.ts';

export interface Forward {
  /** Nothing is forwarded without one. */
  readonly permit: Permit<Place>;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Flat, ready for the upstream. */
  readonly headers: readonly string[];
  /** Flat, for the answer: what the gate adds to the upstream's own. */
  readonly answerHeaders: string[];
  /** Called once when the upstream's answer begins, before any of it reaches the client. */
  readonly answered: (status: number) => void;
  readonly hasBody: boolean;
  readonly timeouts: ProxyConfig['timeouts'];
  /** The client sends its body when it is told to. */
  readonly awaitsContinue: boolean;
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
  /** Connections to other origins, and those that were made in another time, end with what is under way on them. */
  keep(origins: ReadonlySet<string>, connectMs: number): void;
  close(): Promise<void>;
}

export interface Forwarded {
  /** Of the last attempt, to `origin`. */
  readonly landing: Landing;
  readonly origin: string;
}

export interface ForwarderOptions {
  /** How long a connection to an upstream may take to come about. */
  readonly connectMs: number;
  readonly monotonic: () => number;
  readonly targets: Targets;
  /** PEM; null: the public authorities. */
  readonly ca: string | null;
}

/** How often stalled requests are looked for; deadlines are late by at most this. */
const SWEEP_MS = 100;

/** HTTP to the upstreams over undici: streaming both ways with back-pressure, one pool of connections per origin. */
export function createForwarder(options: ForwarderOptions): Forwarder {
  const { monotonic, targets } = options;
  const pools = new Pools(options.connectMs, options.ca);
  const flights = new Flights();
  const sweeper = setInterval(() => flights.endStalled(monotonic()), SWEEP_MS).unref();

  const attempt = (forward: Forward, origin: string): Promise<Landing> =>
    new Promise((resolve) => {
      const { timeouts } = forward;
      const flight = new Flight(forward, timeouts, monotonic, (landing) => {
        flights.remove(flight);
        resolve(landing);
      });
      flights.add(flight);
      launch(flight, () => {
        if (!forward.awaitsContinue || !forward.hasBody) return dispatch(flight, forward, pools.of(origin));
        launchExpecting(flight, forward, { origin, ca: pools.ca, connectMs: timeouts.connectMs });
      });
    });

  return {
    async forward(forward) {
      const { origins } = forward.permit.route.route;
      const tried: string[] = [];
      let repeats = 1;
      for (;;) {
        const origin = targets.pick(origins, tried);
        const hop = forward.trace?.hop(origin, forward.headers, { at: monotonic(), repeats: tried.length });
        const landing = await attempt(
          hop === undefined ? forward : { ...forward, headers: hop.headers },
          origin,
        );
        const { ending } = landing;
        hop?.end(hopEndOf(ending), monotonic());
        tried.push(origin);
        if (ending.kind === 'answered') targets.answered(origin);
        if (ending.kind !== 'failed') return { landing, origin };
        targets.failed(origin, ending.unsent);
        // What has not left may go to any other; what changes nothing may go once more.
        if (!(ending.unsent ? tried.length < origins.length : ending.mayRepeat && repeats-- > 0)) {
          return { landing, origin };
        }
      }
    },
    get ca() {
      return pools.ca;
    },
    trust: (ca) => pools.trust(ca),
    keep: (origins, connectMs) => pools.keep(origins, connectMs),
    async close() {
      clearInterval(sweeper);
      await pools.close();
    },
  };
}

/** The pools of connections, one for each origin. */
class Pools {
  #connectMs: number;
  readonly #pools = new Map<string, Pool>();
  #ca: string | null;

  constructor(connectMs: number, ca: string | null) {
    this.#connectMs = connectMs;
    this.#ca = ca;
  }

  get ca(): string | null {
    return this.#ca;
  }

  of(origin: string): Pool {
    let pool = this.#pools.get(origin);
    if (pool === undefined) {
      // Deadlines for the answer are the sweeper's, which knows a stream of events from a stalled answer.
      pool = new Pool(origin, {
        pipelining: 1,
        connect: { timeout: this.#connectMs, ...(this.#ca === null ? {} : { ca: this.#ca }) },
        headersTimeout: 0,
        bodyTimeout: 0,
      });
      this.#pools.set(origin, pool);
    }
    return pool;
  }

  /** Connections that were made under the authorities before end with what is under way on them. */
  trust(ca: string): void {
    this.#ca = ca;
    this.#retire((origin) => origin.startsWith('https:'));
  }

  keep(origins: ReadonlySet<string>, connectMs: number): void {
    const isOther = connectMs !== this.#connectMs;
    this.#connectMs = connectMs;
    this.#retire((origin) => isOther || !origins.has(origin));
  }

  #retire(concerns: (origin: string) => boolean): void {
    for (const [origin, pool] of this.#pools) {
      if (!concerns(origin)) continue;
      this.#pools.delete(origin);
      void pool.close();
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#pools.values()].map((pool) => pool.destroy()));
  }
}

function launch(flight: Flight, begin: () => void): void {
  try {
    begin();
  } catch (error) {
    flight.onResponseError(null, error as Error);
  }
}

function dispatch(flight: Flight, { permit, request, headers, hasBody }: Forward, pool: Pool): void {
  const options = {
    path: permit.route.forwardedPath,
    method: request.method ?? '',
    headers: headers as string[],
    // Not the request itself: undici destroys a body on failure, and with it the client's connection.
    body: hasBody ? request.iterator({ destroyOnReturn: false }) : null,
    // An upstream that sends a body to a HEAD would be sending the start of the next answer.
    reset: request.method === 'HEAD',
  };
  pool.dispatch(options as Dispatcher.DispatchOptions, flight);
}
