import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { Connection, ConnectionLost } from '../revocation/connection.ts';
import type { Gate } from '../revocation/fleet.ts';
import type { Random } from '../revocation/random.ts';
import { openStream } from '../revocation/stream-client.ts';
import type { People } from './people.ts';

export const ROUTES = ['/search', '/files'] as const;
/** Asks for no key, so it has no usage. */
export const OPEN_ROUTE = '/open';

/** How often each is done, of a thousand. */
const WEIGHTS = {
  served: 560,
  upstreamSaysNo: 110,
  upstreamFails: 60,
  limited: 90,
  mayNotWrite: 40,
  revoked: 30,
  unknown: 30,
  withoutKey: 20,
  open: 20,
  breaksOff: 10,
  hangsUp: 8,
  leavesBefore: 10,
  leavesDuring: 6,
  webSocket: 6,
} as const;

const LEAVES_AFTER_MS = 30;

export interface MixedLoadOptions {
  readonly people: People;
  readonly random: Random;
  /** When so many have been sent, it is over. */
  readonly requests: number;
  readonly perSecond: number;
  readonly lines: number;
  /** Where requests go: gates that are ready. */
  gates(): readonly Gate[];
}

/** Requests of every kind, of many keys, each on a connection to one of the gates that are ready. */
export class MixedLoad {
  readonly #options: MixedLoadOptions;
  readonly #lines: Promise<void>[];
  /** What came of them: statuses and ends. */
  readonly seen = new Map<string, number>();
  #isOver = false;
  #sent = 0;

  constructor(options: MixedLoadOptions) {
    this.#options = options;
    this.#lines = Array.from({ length: options.lines }, (_, i) => this.#line(i));
    for (const line of this.#lines) line.catch(() => undefined);
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get sent(): number {
    return this.#sent;
  }

  /** Resolves when all have been sent, and answered or not. */
  async end(): Promise<void> {
    await Promise.all(this.#lines);
  }

  async #line(number: number): Promise<void> {
    const { perSecond, lines, random, requests } = this.#options;
    const everyMs = (1000 * lines) / perSecond;
    const connections = new Map<Gate, Connection>();
    let dueAt = performance.now() + (everyMs * number) / lines;
    while (this.#sent < requests) {
      const waitMs = dueAt - performance.now();
      if (waitMs > 0) await pause(waitMs);
      dueAt = Math.max(dueAt + everyMs, performance.now() - everyMs);
      const gates = this.#options.gates();
      if (gates.length === 0) continue;
      this.#sent++;
      await this.#act(random.oneOf(gates), connections);
    }
    this.#isOver = true;
    for (const connection of connections.values()) connection.close();
  }

  async #act(gate: Gate, connections: Map<Gate, Connection>): Promise<void> {
    const { random, people } = this.#options;
    const kind = random.weighted(WEIGHTS);
    const route = random.oneOf(ROUTES);
    const { key } = random.oneOf(people.good);
    if (kind === 'leavesDuring') return this.#stream(gate, key, 'events', route);
    if (kind === 'webSocket') return this.#stream(gate, key, 'websocket', route);
    if (kind === 'leavesBefore') return this.#leave(gate, requestOf(gate, 'GET', `${route}/silent`, key));
    if (kind === 'breaksOff' || kind === 'hangsUp') {
      const path = kind === 'breaksOff' ? `${route}/break/200` : `${route}/hang-up`;
      // The gate ends the connection; others should not go with it.
      return this.#ask(new Connection(gate.port), requestOf(gate, 'GET', path, key));
    }
    return this.#ask(connectionTo(gate, connections), this.#requestFor(kind, gate, route, key));
  }

  #requestFor(
    kind: Exclude<
      keyof typeof WEIGHTS,
      'leavesDuring' | 'webSocket' | 'leavesBefore' | 'breaksOff' | 'hangsUp'
    >,
    gate: Gate,
    route: string,
    key: string,
  ): string {
    const { random, people } = this.#options;
    const served = `${route}/answer/200`;
    switch (kind) {
      case 'served':
        return requestOf(
          gate,
          random.oneOf(METHODS),
          `${route}/answer/${random.oneOf([200, 200, 201])}`,
          key,
        );
      case 'upstreamSaysNo':
        return requestOf(gate, random.oneOf(METHODS), `${route}/answer/${random.oneOf(SAYS_NO)}`, key);
      case 'upstreamFails':
        return requestOf(gate, 'GET', `${route}/answer/${random.oneOf([500, 503])}`, key);
      case 'limited':
        return requestOf(gate, 'GET', served, random.oneOf(people.limited).key);
      case 'mayNotWrite':
        return requestOf(gate, random.oneOf(['GET', 'POST']), served, random.oneOf(people.readOnly).key);
      case 'revoked':
        return requestOf(gate, 'GET', served, random.oneOf(people.revoked).key);
      case 'unknown':
        return requestOf(gate, 'GET', served, randomBytes(20).toString('hex'));
      case 'withoutKey':
        return requestOf(gate, 'GET', served, null);
      case 'open':
        return requestOf(gate, 'GET', `${OPEN_ROUTE}/answer/200`, random.oneOf([key, null]));
    }
  }

  async #ask(connection: Connection, request: string): Promise<void> {
    try {
      const { status } = await connection.ask(request);
      this.#saw(String(status));
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error;
      this.#saw('ended');
    }
  }

  async #leave(gate: Gate, request: string): Promise<void> {
    const connection = new Connection(gate.port);
    const answer = connection.ask(request).catch(() => null);
    await pause(LEAVES_AFTER_MS);
    connection.close();
    this.#saw((await answer) === null ? 'left' : 'answered');
  }

  async #stream(gate: Gate, key: string, kind: 'websocket' | 'events', under: string): Promise<void> {
    try {
      const stream = await openStream(gate, key, kind, under);
      this.#saw(kind);
      await pause(LEAVES_AFTER_MS);
      stream.drop();
    } catch {
      this.#saw(`no ${kind}`);
    }
  }

  #saw(what: string): void {
    this.seen.set(what, (this.seen.get(what) ?? 0) + 1);
  }
}

const METHODS = ['GET', 'GET', 'POST', 'PUT', 'DELETE'] as const;
const SAYS_NO = [302, 400, 404, 404, 409, 429] as const;

function connectionTo(gate: Gate, connections: Map<Gate, Connection>): Connection {
  const known = connections.get(gate);
  if (known?.isOpen === true) return known;
  const connection = new Connection(gate.port);
  connections.set(gate, connection);
  return connection;
}

export function requestOf(gate: Gate, method: string, path: string, key: string | null): string {
  const lines = [`${method} ${path} HTTP/1.1`, 'Host: gate', `X-Via: ${gate.program.name}`];
  if (key !== null) lines.push(`x-api-key: ${key}`);
  const body = method === 'POST' || method === 'PUT' ? '{"asked":true}' : '';
  if (body !== '') lines.push('Content-Type: application/json', `Content-Length: ${body.length}`);
  return [...lines, '', body].join('\r\n');
}
