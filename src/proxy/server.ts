import type { Socket } from 'node:net';
import { deny, type Decision, type Denial, type Permit } from '../core/decision.ts';
import { deprecationFields } from '../core/deprecation-fields.ts';
import { rateLimitFields } from '../core/rate-limit-fields.ts';
import type { Metrics } from '../runtime/metrics.ts';
import type { Tracing } from '../runtime/tracing/tracing.ts';
import { denyRequest, denySocket } from './deny.ts';
import type { Ending } from './flight.ts';
import type { Forwarder } from './forward.ts';
import type { InboundAnswer } from './inbound/answer.ts';
import type { InboundListener } from './inbound/connection.ts';
import type { InboundRequest } from './inbound/request.ts';
import type { InboundHead } from './inbound/request-head.ts';
import { createInboundServer, type InboundServer } from './inbound/server.ts';
import { decide } from './pipeline.ts';
import { createRecorder, failureOf, type Exchange, type Recorder, type RecorderParts } from './record.ts';
import type { Place } from './routes.ts';
import type { Settings } from './settings.ts';
import type { OpenStreams } from './streams.ts';
import type { Load } from './load.ts';
import type { Targets } from './targets.ts';
import { shakeHands } from './shake-hands.ts';
import { noteUnread, recordUnread } from './unread.ts';
import type { UpgradeOutcome, Upgrader } from './upgrade.ts';
import { openVisit, upstreamHeaders, type Visit } from './visit.ts';

export interface ProxyParts extends RecorderParts {
  /** Those in force; asked once for each request. */
  settings(): Settings;
  readonly forwarder: Forwarder;
  readonly upgrader: Upgrader;
  readonly streams: OpenStreams;
  readonly metrics: Metrics;
  readonly load: Load;
  readonly targets: Targets;
  /** Null: nothing is traced. */
  readonly tracing: Tracing | null;
  /** PEM texts; null: in clear. */
  readonly tls: { readonly cert: string; readonly key: string } | null;
  /** Once true, every answer ends its connection, so that clients move on. */
  isDraining(): boolean;
}

/** WebSocket close code of a stream whose key has ended (RFC 6455 section 7.4.1). */
const POLICY_VIOLATION = 1008;

/** The traffic port: accept, decide, forward or refuse, and one record of each request. */
export function createProxyServer(parts: ProxyParts): InboundServer {
  const { timeouts, bounds } = parts.settings().config;
  const { headerBytes } = bounds;
  return createInboundServer({ bounds: { headerBytes, timeouts }, tls: parts.tls }, new Door(parts));
}

class Door implements InboundListener {
  readonly #parts: ProxyParts;
  readonly #record: Recorder;

  constructor(parts: ProxyParts) {
    this.#parts = parts;
    this.#record = createRecorder(parts);
  }

  request(request: InboundRequest, answer: InboundAnswer): void {
    void this.#serve(request, answer);
  }

  readonly upgrade = (request: InboundRequest, socket: Socket, early: Buffer): void => {
    void this.#serveUpgrade(request, socket, early);
  };

  refused(status: number, peer: string, head: InboundHead | null): void {
    recordUnread(this.#record, this.#parts.clock, { status, peer, head });
  }

  async #serve(request: InboundRequest, answer: InboundAnswer): Promise<void> {
    const { load } = this.#parts;
    load.begin();
    const visit = this.#open(request, false);
    const { exchange } = visit;
    const decided = this.#decide(visit);
    let decision = decided instanceof Promise ? await decided : decided;
    while (decision.kind === 'permit' && !answer.isOver) {
      if ((await this.#forward(decision, visit, answer)) !== 'withdrawn') break;
      // The key changed while a connection was being made; what is true now decides.
      decision.slot.release();
      decision = await this.#decide(visit);
    }
    if (decision.kind === 'denial' && !answer.isOver) this.#deny(visit, answer, decision);
    await answer.closed;
    if (decision.kind === 'permit') decision.slot.release();
    load.end();
    if (answer.refusedAs !== null) noteUnread(exchange, answer.refusedAs);
    this.#record(exchange);
  }

  async #forward(decision: Permit<Place>, visit: Visit, answer: InboundAnswer): Promise<Ending['kind']> {
    const { request, exchange, settings } = visit;
    const { landing, origin } = await this.#parts.forwarder.forward({
      permit: decision,
      request,
      answer,
      headers: upstreamHeaders(decision, visit),
      answerHeaders: this.#closing(this.#answerHeaders(decision, exchange)),
      answered: (status) => this.#record.answered(decision, status),
      streams: (end) => this.#parts.streams.watch(decision, end),
      timeouts: settings.config.timeouts,
      trace: exchange.trace,
    });
    const { ending, bytesIn, bytesOut } = landing;
    exchange.bytesIn = bytesIn;
    exchange.bytesOut = bytesOut;
    exchange.upstream = origin;
    if (ending.kind === 'answered') {
      exchange.status = ending.status;
      exchange.answeredAt = ending.answeredAt;
      exchange.complete = ending.complete;
    } else if (ending.kind === 'failed' && !answer.isOver) {
      this.#deny(visit, answer, failureOf(exchange, decision, ending.error, ending.detail));
    }
    return ending.kind;
  }

  async #serveUpgrade(request: InboundRequest, socket: Socket, early: Buffer): Promise<void> {
    const { load } = this.#parts;
    load.begin();
    const visit = this.#open(request, true);
    let decision = await this.#decide(visit);
    while (decision.kind === 'permit' && !socket.destroyed) {
      if ((await this.#upgrade(decision, visit, socket, early)) !== 'withdrawn') break;
      decision.slot.release();
      decision = await this.#decide(visit);
    }
    if (decision.kind === 'denial') this.#denySocket(visit, socket, decision);
    else decision.slot.release();
    if (visit.exchange.status !== 101) load.end();
    this.#record(visit.exchange);
  }

  async #upgrade(
    decision: Permit<Place>,
    visit: Visit,
    socket: Socket,
    early: Buffer,
  ): Promise<UpgradeOutcome['kind']> {
    const { load, metrics, clock } = this.#parts;
    const { exchange, settings } = visit;
    const { timeouts } = settings.config;
    const { route, forwardedPath } = decision.route;
    const outcome = await shakeHands(this.#parts, route.origins, exchange, {
      socket,
      head: early,
      path: forwardedPath,
      headers: upstreamHeaders(decision, visit),
      answerHeaders: this.#answerHeaders(decision, exchange),
      ca: this.#parts.forwarder.ca,
      connectMs: timeouts.connectMs,
      firstByteMs: timeouts.firstByteMs,
      stillPermitted: () => decision.stands(),
    });
    if (outcome.kind === 'timeout' || outcome.kind === 'unreachable') {
      const error = outcome.kind === 'timeout' ? 'timeout' : 'reset';
      this.#denySocket(visit, socket, failureOf(exchange, decision, error, 'the upgrade got no answer'));
    } else if (outcome.kind === 'opened' || outcome.kind === 'answered') {
      exchange.answeredAt = clock.monotonic();
      exchange.status = outcome.kind === 'opened' ? 101 : outcome.status;
      this.#record.answered(decision, exchange.status);
    }
    if (outcome.kind === 'opened') {
      // It takes no part in the load of requests any more.
      load.end();
      const open = metrics.webSockets.labels(route.config.id);
      open.inc();
      const forget = this.#parts.streams.watch(decision, () => outcome.end(POLICY_VIOLATION));
      Object.assign(exchange, await outcome.closed);
      forget();
      open.dec();
    }
    return outcome.kind;
  }

  #open(request: InboundRequest, upgrade: boolean): Visit {
    const { clock, mask, tracing } = this.#parts;
    const settings = this.#parts.settings();
    return openVisit(request, upgrade, { settings, receivedAt: clock.monotonic(), mask, tracing });
  }

  /** The pipeline's word. A defect in it becomes a 500 that names the request, and nothing is forwarded. */
  #decide({ request, head, exchange, settings }: Visit): Decision<Place> | Promise<Decision<Place>> {
    const { method, url, address, upgrade } = exchange;
    const decided = (decision: Decision<Place>) => this.#decided(exchange, decision);
    const defect = (error: unknown) => decided(this.#defect(exchange, error));
    try {
      const { httpVersion } = request.head;
      const facts = { method, url, httpVersion, head, address, upgrade, waits: exchange };
      const decision = decide(facts, settings.gate);
      return decision instanceof Promise ? decision.then(decided, defect) : decided(decision);
    } catch (error) {
      return defect(error);
    }
  }

  #decided(exchange: Exchange, decision: Decision<Place>): Decision<Place> | Promise<Decision<Place>> {
    this.#record.decided(exchange, decision);
    if (decision.kind === 'denial' || !decision.route.route.isManagement) return decision;
    // What the key service says about usage includes all that this gate has counted.
    return this.#parts.reporter.flush().then(() => decision);
  }

  #defect({ requestId }: Exchange, error: unknown): Denial<Place> {
    const detail = error instanceof Error ? (error.stack ?? error.name) : 'unknown';
    this.#parts.log.error({ requestId, detail }, 'a defect');
    return deny('internal_error', {});
  }

  #answerHeaders(decision: Decision<Place>, exchange: Exchange): string[] {
    exchange.toldAt = this.#parts.clock.now();
    const fields = rateLimitFields(decision.limits, exchange.toldAt);
    fields.push('X-Request-Id', exchange.requestId);
    if (decision.key !== null) fields.push(...deprecationFields(decision.key));
    return fields;
  }

  /** While draining every answer ends its connection; an upgrade's has a Connection of its own. */
  #closing(fields: string[]): string[] {
    return this.#parts.isDraining() ? [...fields, 'Connection', 'close'] : fields;
  }

  #deny({ request, exchange }: Visit, answer: InboundAnswer, denial: Denial<Place>): void {
    Object.assign(exchange, denyRequest(request, answer, this.#refusing(exchange, denial)));
  }

  #denySocket({ exchange }: Visit, socket: Socket, denial: Denial<Place>): void {
    if (!socket.destroyed) Object.assign(exchange, denySocket(socket, this.#refusing(exchange, denial)));
  }

  #refusing(exchange: Exchange, denial: Denial<Place>) {
    const now = this.#parts.clock.now();
    exchange.toldAt = now;
    return { denial, requestId: exchange.requestId, now, draining: this.#parts.isDraining() };
  }
}
