import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import { deny, type Decision, type Denial, type Permit } from '../core/decision.ts';
import { deprecationFields } from '../core/deprecation-fields.ts';
import { rateLimitFields } from '../core/rate-limit-fields.ts';
import type { Metrics } from '../runtime/metrics.ts';
import type { Tracing } from '../runtime/tracing/tracing.ts';
import { denyResponse, denySocket } from './deny.ts';
import type { Ending } from './flight.ts';
import type { Forwarder } from './forward.ts';
import { decide } from './pipeline.ts';
import { createRecorder, failureOf, type Exchange, type Recorder, type RecorderParts } from './record.ts';
import type { Place } from './routes.ts';
import type { Settings } from './settings.ts';
import type { OpenStreams } from './streams.ts';
import { dropRest } from './drop-rest.ts';
import { endsConnection } from './ignored-upgrade.ts';
import { Lines, type Line } from './lines.ts';
import type { Load } from './load.ts';
import type { Targets } from './targets.ts';
import { shakeHands } from './shake-hands.ts';
import { isWebSocketUpgrade, type UpgradeOutcome, type Upgrader } from './upgrade.ts';
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

/** More are refused, as more than `bounds.headerBytes` are. */
export const MAX_HEADER_LINES = 1000;
/** WebSocket close code of a stream whose key has ended (RFC 6455 section 7.4.1). */
const POLICY_VIOLATION = 1008;

/** The traffic port: accept, decide, forward or refuse, and one record of each request. */
export function createProxyServer(parts: ProxyParts): Server {
  const { timeouts, bounds } = parts.settings().config;
  const door = new Door(parts);
  const options = {
    maxHeaderSize: bounds.headerBytes,
    headersTimeout: timeouts.headerMs,
    // A body may take as long as it makes progress; the forwarder watches that.
    requestTimeout: 0,
    keepAliveTimeout: timeouts.idleMs,
    connectionsCheckingInterval: Math.min(1000, timeouts.headerMs),
    // Any other Upgrade field is ignored, as RFC 9110 section 7.8 allows.
    shouldUpgradeCallback: isWebSocketUpgrade,
    // The pipeline asks for it. The server would answer by itself, and nothing of it would be recorded.
    requireHostHeader: false,
    // A request without a body is no stream that has to be read to its end.
    optimizeEmptyRequests: true,
  };
  const server: Server =
    parts.tls === null
      ? createServer(options)
      : createTlsServer({ ...options, ...parts.tls, handshakeTimeout: timeouts.headerMs });
  server.maxHeadersCount = MAX_HEADER_LINES;
  server.on('request', (request, response) => void door.serve(request, response, false));
  // Without a listener the server would send 100 before anybody has asked whether the request may pass.
  server.on('checkContinue', (request, response) => void door.serve(request, response, true));
  // Any other expectation is ignored, as RFC 9110 section 10.1.1 allows; the server would answer 417 by itself.
  server.on('checkExpectation', (request, response) => void door.serve(request, response, false));
  server.on('upgrade', (request, socket, early) => void door.upgrade(request, socket, early));
  server.on('connect', (request, socket, early) => void door.upgrade(request, socket, early));
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => door.lines.refuse(error, socket));
  return server;
}

class Door {
  readonly #parts: ProxyParts;
  readonly #record: Recorder;
  readonly lines: Lines;

  constructor(parts: ProxyParts) {
    this.#parts = parts;
    this.#record = createRecorder(parts);
    this.lines = new Lines(this.#record, parts.clock);
  }

  async serve(request: IncomingMessage, response: ServerResponse, awaitsContinue: boolean): Promise<void> {
    const { socket } = request;
    const line = this.lines.of(socket);
    const turn = line.turns.take();
    if (turn !== null) await turn;
    // Behind an answer that ended the connection nobody waits for another one.
    if (socket.writable && !line.isOver) {
      if (line.broken === null || request.complete)
        await this.#serve(line, request, response, awaitsContinue);
      else this.lines.refuseBroken(socket, line);
    }
    line.turns.end();
    if (line.broken !== null && !line.turns.isTaken) this.lines.refuseBroken(socket, line);
  }

  async #serve(
    line: Line,
    request: IncomingMessage,
    response: ServerResponse,
    awaitsContinue: boolean,
  ): Promise<void> {
    const { load } = this.#parts;
    load.begin();
    const visit = this.#open(request, false);
    const { exchange } = visit;
    line.current = { request, response, exchange };
    const closed = new Promise<void>((resolve) => void response.on('close', resolve));
    let decision = await this.#decide(visit);
    // Over: the parser has refused its body in the meantime.
    while (decision.kind === 'permit' && !response.destroyed && !line.isOver) {
      if ((await this.#forward(decision, visit, response, awaitsContinue)) !== 'withdrawn') break;
      // The key changed while a connection was being made; what is true now decides.
      decision.slot.release();
      decision = await this.#decide(visit);
    }
    if (decision.kind === 'denial' && !response.destroyed) this.#deny(visit, response, decision);
    await closed;
    if (decision.kind === 'permit') decision.slot.release();
    if (!request.complete) dropRest(request, visit.settings.config.timeouts.bodyIdleMs);
    line.current = null;
    load.end();
    this.#record(exchange);
  }

  async #forward(
    decision: Permit<Place>,
    visit: Visit,
    response: ServerResponse,
    awaitsContinue: boolean,
  ): Promise<Ending['kind']> {
    const { request, head, exchange, settings } = visit;
    const { landing, origin } = await this.#parts.forwarder.forward({
      permit: decision,
      request,
      response,
      headers: upstreamHeaders(decision, visit, this.#parts.tls !== null),
      answerHeaders: this.#closing(this.#answerHeaders(decision, exchange), request),
      answered: (status) => this.#record.answered(decision, status),
      streams: (end) => this.#parts.streams.watch(decision, end),
      timeouts: settings.config.timeouts,
      awaitsContinue,
      trace: exchange.trace,
      hasBody: head.transferEncoding.length > 0 || Number(head.contentLength[0] ?? 0) > 0,
    });
    const { ending, bytesIn, bytesOut } = landing;
    exchange.bytesIn = bytesIn;
    exchange.bytesOut = bytesOut;
    exchange.upstream = origin;
    if (ending.kind === 'answered') {
      exchange.status = ending.status;
      exchange.answeredAt = ending.answeredAt;
      exchange.complete = ending.complete;
    } else if (ending.kind === 'failed' && !response.destroyed) {
      this.#deny(visit, response, failureOf(exchange, decision, ending.error, ending.detail));
    }
    return ending.kind;
  }

  async upgrade(request: IncomingMessage, socket: Duplex, early: Buffer): Promise<void> {
    // A reset connection must not end the process; the upgrader sees it too.
    socket.on('error', () => socket.destroy());
    const turn = this.lines.of(socket).turns.take();
    if (turn !== null) await turn;
    if (!socket.writable) return;
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
    socket: Duplex,
    early: Buffer,
  ): Promise<UpgradeOutcome['kind']> {
    const { load, metrics, clock } = this.#parts;
    const { exchange, settings } = visit;
    const { timeouts } = settings.config;
    const { route, forwardedPath } = decision.route;
    const outcome = await shakeHands(this.#parts, route.origins, exchange, {
      request: visit.request,
      socket,
      head: early,
      path: forwardedPath,
      headers: upstreamHeaders(decision, visit, this.#parts.tls !== null),
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

  #open(request: IncomingMessage, upgrade: boolean): Visit {
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
      const { httpVersion } = request;
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
  #closing(fields: string[], request: IncomingMessage): string[] {
    return this.#parts.isDraining() || endsConnection(request) ? [...fields, 'Connection', 'close'] : fields;
  }

  #deny({ request, exchange }: Visit, response: ServerResponse, denial: Denial<Place>): void {
    Object.assign(exchange, denyResponse(request, response, this.#refusing(exchange, denial)));
  }

  #denySocket({ exchange }: Visit, socket: Duplex, denial: Denial<Place>): void {
    if (!socket.destroyed) Object.assign(exchange, denySocket(socket, this.#refusing(exchange, denial)));
  }

  #refusing(exchange: Exchange, denial: Denial<Place>) {
    const now = this.#parts.clock.now();
    exchange.toldAt = now;
    return { denial, requestId: exchange.requestId, now, draining: this.#parts.isDraining() };
  }
}
