import { REASONS, type Reason } from '../core/reasons.ts';
import type { Metrics } from '../runtime/metrics.ts';
import { UPSTREAM_ERRORS } from './upstream-error.ts';

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

const OTHER_METHOD = '_OTHER';

/** What became of a request at its decision, in a word. */
export function resultOf(denied: Reason | null): string {
  return denied === null ? 'allow' : REASONS[denied].status >= 500 ? 'error' : 'deny';
}

/** The method, or one word for all that are not known. */
export function methodName(method: string): string {
  return METHODS.has(method) ? method : OTHER_METHOD;
}

/** The request metrics of one route. Children are looked up by their labels once and kept. */
class RouteMetrics {
  readonly #metrics: Metrics;
  readonly #route: string;
  /** By status, within source and method: no name has to be put together to count. */
  readonly #requests = { upstream: new Map<string, Counting[]>(), gateway: new Map<string, Counting[]>() };
  /** Labels of requests by methods of which no child is kept. */
  readonly #others = new Map<string, readonly [code: string, source: string]>();
  readonly #decisions = new Map<Reason | null, Counting>();
  readonly #durations: Record<'upstream' | 'gateway', Observing>;
  readonly #overhead: Observing;
  readonly #inFlight: Counting & { dec(): void };
  readonly deprecatedKeys: Counting;
  /** Requests not yet answered in full. */
  underWay = 0;
  /** The configuration has it no more; its series go with its last request. */
  isGone = false;

  constructor(metrics: Metrics, route: string) {
    this.#metrics = metrics;
    this.#route = route;
    this.#overhead = metrics.overhead.labels(route);
    this.#durations = {
      upstream: metrics.requestDuration.labels(route, 'upstream'),
      gateway: metrics.requestDuration.labels(route, 'gateway'),
    };
    this.#inFlight = metrics.inFlight.labels(route);
    // They exist from the first scrape on, so that a rate never starts with a jump.
    this.#inFlight.inc(0);
    metrics.webSockets.labels(route).set(0);
    metrics.overhead.zero({ route });
    for (const source of ['upstream', 'gateway']) metrics.requestDuration.zero({ route, source });
    this.deprecatedKeys = metrics.deprecatedKeyRequests.labels(route);
    this.deprecatedKeys.inc(0);
    this.#decision(null).inc(0);
    for (const reason of Object.keys(REASONS)) this.#decision(reason as Reason).inc(0);
  }

  begin(): void {
    this.underWay++;
    this.#inFlight.inc();
  }

  end({ method, status, source, denied, durationSeconds, overheadSeconds }: RequestSummary): void {
    this.underWay--;
    this.#inFlight.dec();
    this.#request(method, status, source).inc();
    this.#decision(denied).inc();
    this.#durations[source].observe(durationSeconds);
    this.#overhead.observe(overheadSeconds);
  }

  /** Takes its series away. */
  remove(): void {
    const metrics = this.#metrics;
    const route = this.#route;
    for (const source of ['upstream', 'gateway'] as const) {
      for (const [method, ofMethod] of this.#requests[source]) {
        // Sparse: by status.
        ofMethod.forEach((_, status) => metrics.requests.remove(route, method, String(status), source));
      }
    }
    for (const [code, source] of this.#others.values())
      metrics.requests.remove(route, OTHER_METHOD, code, source);
    for (const reason of this.#decisions.keys())
      metrics.decisions.remove(route, resultOf(reason), reason ?? 'none');
    for (const source of ['upstream', 'gateway']) metrics.requestDuration.remove(route, source);
    for (const metric of [
      metrics.overhead,
      metrics.inFlight,
      metrics.webSockets,
      metrics.deprecatedKeyRequests,
    ])
      metric.remove(route);
  }

  #request(method: string, status: number, source: 'upstream' | 'gateway'): Counting {
    const kept = this.#requests[source].get(method)?.[status];
    if (kept !== undefined) return kept;
    const known = methodName(method);
    const child = this.#metrics.requests.labels(this.#route, known, String(status), source);
    // Only known methods are kept: a client can invent any number of others.
    if (known === method) {
      const ofMethod = this.#requests[source].get(method) ?? [];
      this.#requests[source].set(method, ofMethod);
      ofMethod[status] = child;
    } else {
      this.#others.set(`${status} ${source}`, [String(status), source]);
    }
    return child;
  }

  #decision(denied: Reason | null): Counting {
    let child = this.#decisions.get(denied);
    if (child === undefined) {
      child = this.#metrics.decisions.labels(this.#route, resultOf(denied), denied ?? 'none');
      this.#decisions.set(denied, child);
    }
    return child;
  }
}

/** What is counted of requests, by the routes and upstreams of the configuration. */
export class RequestMetrics {
  readonly #metrics: Metrics;
  readonly #routes = new Map<string, RouteMetrics>();
  /** Their durations. */
  readonly #upstreams = new Map<string, Observing>();

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
  }

  /** The routes and upstreams there are from now on; the series of others go when nothing is under way on them. */
  adopt(routeIds: ReadonlySet<string>, origins: ReadonlySet<string>): void {
    for (const id of routeIds) this.#routeOf(id).isGone = false;
    for (const [id, route] of this.#routes) {
      route.isGone = !routeIds.has(id);
      this.#dropIfOver(id, route);
    }
    for (const origin of origins) {
      if (!this.#upstreams.has(origin)) this.#addUpstream(origin);
    }
    for (const origin of this.#upstreams.keys()) if (!origins.has(origin)) this.#dropUpstream(origin);
  }

  begin(route: string): void {
    this.#routeOf(route).begin();
  }

  end(summary: RequestSummary): void {
    const { route } = summary;
    const metrics = this.#routes.get(route);
    if (metrics === undefined) return;
    metrics.end(summary);
    this.#dropIfOver(route, metrics);
  }

  deprecatedKeyUsed(route: string): void {
    this.#routes.get(route)?.deprecatedKeys.inc();
  }

  upstreamAnswered(origin: string, seconds: number): void {
    this.#upstreams.get(origin)?.observe(seconds);
  }

  upstreamFailed(origin: string, error: string): void {
    if (this.#upstreams.has(origin)) this.#metrics.upstreamErrors.labels(origin, error).inc();
  }

  upstreamEjected(origin: string): void {
    if (this.#upstreams.has(origin)) this.#metrics.upstreamEjections.labels(origin).inc();
  }

  /** A request that began before its route went is still counted, and takes the series along when it ends. */
  #routeOf(id: string): RouteMetrics {
    let route = this.#routes.get(id);
    if (route === undefined) {
      route = new RouteMetrics(this.#metrics, id);
      route.isGone = true;
      this.#routes.set(id, route);
    }
    return route;
  }

  #dropIfOver(id: string, route: RouteMetrics): void {
    if (!route.isGone || route.underWay > 0) return;
    this.#routes.delete(id);
    route.remove();
  }

  /** All that is counted of it is there from the first scrape on. */
  #addUpstream(origin: string): void {
    const metrics = this.#metrics;
    this.#upstreams.set(origin, metrics.upstreamDuration.labels(origin));
    metrics.upstreamDuration.zero({ upstream: origin });
    metrics.upstreamEjections.labels(origin).inc(0);
    for (const reason of UPSTREAM_ERRORS) metrics.upstreamErrors.labels(origin, reason).inc(0);
  }

  #dropUpstream(origin: string): void {
    this.#upstreams.delete(origin);
    this.#metrics.upstreamDuration.remove(origin);
    this.#metrics.upstreamEjections.remove(origin);
    for (const reason of UPSTREAM_ERRORS) this.#metrics.upstreamErrors.remove(origin, reason);
  }
}
