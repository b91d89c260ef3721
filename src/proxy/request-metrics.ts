import { REASONS, type Reason } from '../core/reasons.ts';
import type { Metrics } from '../runtime/metrics.ts';

/** What the metrics want to know of a finished request. Times in seconds. */
export interface RequestSummary {
  readonly route: string;
  readonly method: string;
  readonly status: number;
  readonly source: 'upstream' | 'gateway';
  /** Null: allowed. */
  readonly denied: Reason | null;
  readonly durationSeconds: number;
  readonly overheadSeconds: number;
}

interface Counting {
  inc(by?: number): void;
}

interface Observing {
  observe(value: number): void;
}

/** Known methods by name, all others as one, so that a client cannot make series. */
const METHODS: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'TRACE',
  'CONNECT',
]);

/** The request metrics of one route. Children are looked up by their labels once and kept. */
class RouteMetrics {
  readonly #metrics: Metrics;
  readonly #route: string;
  /** By status, within source and method: no name has to be put together to count. */
  readonly #requests = { upstream: new Map<string, Counting[]>(), gateway: new Map<string, Counting[]>() };
  readonly #decisions = new Map<Reason | null, Counting>();
  readonly #durations: Record<'upstream' | 'gateway', Observing>;
  readonly #overhead: Observing;
  readonly inFlight: Counting & { dec(): void };
  readonly deprecatedKeys: Counting;

  constructor(metrics: Metrics, route: string) {
    this.#metrics = metrics;
    this.#route = route;
    this.#overhead = metrics.overhead.labels(route);
    this.#durations = {
      upstream: metrics.requestDuration.labels(route, 'upstream'),
      gateway: metrics.requestDuration.labels(route, 'gateway'),
    };
    this.inFlight = metrics.inFlight.labels(route);
    // They exist from the first scrape on, so that a rate never starts with a jump.
    this.inFlight.inc(0);
    metrics.webSockets.labels(route).set(0);
    metrics.overhead.zero({ route });
    for (const source of ['upstream', 'gateway']) metrics.requestDuration.zero({ route, source });
    this.deprecatedKeys = metrics.deprecatedKeyRequests.labels(route);
    this.deprecatedKeys.inc(0);
    this.#decision(null).inc(0);
    for (const reason of Object.keys(REASONS)) this.#decision(reason as Reason).inc(0);
  }

  observe({ method, status, source, denied, durationSeconds, overheadSeconds }: RequestSummary): void {
    this.#request(method, status, source).inc();
    this.#decision(denied).inc();
    this.#durations[source].observe(durationSeconds);
    this.#overhead.observe(overheadSeconds);
  }

  #request(method: string, status: number, source: 'upstream' | 'gateway'): Counting {
    const kept = this.#requests[source].get(method)?.[status];
    if (kept !== undefined) return kept;
    const known = METHODS.has(method) ? method : '_OTHER';
    const child = this.#metrics.requests.labels(this.#route, known, String(status), source);
    // Only known methods are kept: a client can invent any number of others.
    if (known === method) {
      const ofMethod = this.#requests[source].get(method) ?? [];
      this.#requests[source].set(method, ofMethod);
      ofMethod[status] = child;
    }
    return child;
  }

  #decision(denied: Reason | null): Counting {
    let child = this.#decisions.get(denied);
    if (child === undefined) {
      const result = denied === null ? 'allow' : REASONS[denied].status >= 500 ? 'error' : 'deny';
      child = this.#metrics.decisions.labels(this.#route, result, denied ?? 'none');
      this.#decisions.set(denied, child);
    }
    return child;
  }
}

export class RequestMetrics {
  readonly #metrics: Metrics;
  readonly #routes = new Map<string, RouteMetrics>();
  readonly #upstreams = new Map<string, Observing>();

  constructor(metrics: Metrics, routeIds: readonly string[]) {
    this.#metrics = metrics;
    for (const id of routeIds) this.#routes.set(id, new RouteMetrics(metrics, id));
  }

  begin(route: string): void {
    this.#routes.get(route)?.inFlight.inc();
  }

  end(summary: RequestSummary): void {
    const route = this.#routes.get(summary.route);
    route?.observe(summary);
    route?.inFlight.dec();
  }

  deprecatedKeyUsed(route: string): void {
    this.#routes.get(route)?.deprecatedKeys.inc();
  }

  upstreamAnswered(origin: string, seconds: number): void {
    let child = this.#upstreams.get(origin);
    if (child === undefined) {
      child = this.#metrics.upstreamDuration.labels(origin);
      this.#upstreams.set(origin, child);
    }
    child.observe(seconds);
  }

  upstreamFailed(origin: string, error: string): void {
    this.#metrics.upstreamErrors.labels(origin, error).inc();
  }
}
