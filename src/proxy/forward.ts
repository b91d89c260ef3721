import type { IncomingMessage, ServerResponse } from 'node:http';
import { Pool, type Dispatcher } from 'undici';
import type { ProxyConfig } from '../config/config.ts';
import type { Permit } from '../core/decision.ts';
import { launchExpecting } from './expecting.ts';
import { Flight, type ForwardOutcome } from './flight.ts';
import type { Place } from './routes.ts';

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
  /** The client sends its body when it is told to. */
  readonly awaitsContinue: boolean;
  /** Told of an answer that is a stream of events, and how to end it; returns what to call when it is over. */
  readonly streams: (end: () => void) => () => void;
}

export interface Forwarder {
  /** Never rejects. */
  forward(forward: Forward): Promise<ForwardOutcome>;
  close(): Promise<void>;
}

/** How often stalled requests are looked for; deadlines are late by at most this. */
const SWEEP_MS = 100;

/** HTTP to the upstreams over undici: streaming both ways with back-pressure, one pool of connections per origin. */
export function createForwarder(timeouts: ProxyConfig['timeouts'], monotonic: () => number): Forwarder {
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

  const attempt = (forward: Forward): Promise<ForwardOutcome> =>
    new Promise((resolve) => {
      const flight = new Flight(forward, timeouts, monotonic, (outcome) => {
        flights.delete(flight);
        resolve(outcome);
      });
      flights.add(flight);
      launch(flight, () => {
        if (forward.awaitsContinue && forward.hasBody) launchExpecting(flight, forward, timeouts.connectMs);
        else dispatch(flight, forward, poolOf(forward.permit.route.route.origin));
      });
    });

  return {
    async forward(forward) {
      const outcome = await attempt(forward);
      return outcome.kind === 'failed' && outcome.mayRepeat ? attempt(forward) : outcome;
    },
    async close() {
      clearInterval(sweeper);
      await Promise.all([...pools.values()].map((pool) => pool.destroy()));
    },
  };
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
