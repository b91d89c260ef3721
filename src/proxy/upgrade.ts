import { type ClientRequest, IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { ProxyServer } from 'http-proxy-3';
import { passAnswerHeaders } from '../core/forward-headers.ts';
import { plainAnswer, sendPlainAnswer } from './plain-answer.ts';
import { byName, FRAMING, replaceHeaders } from './handshake-fields.ts';
import { GOING_AWAY, Tunnel, type TunnelBytes } from './tunnel.ts';
import { WaitingClient } from './waiting-client.ts';

/*
 * A WebSocket's way to the upstream. http-proxy-3 makes the upstream request, writes the 101 and pipes the two
 * sockets. Nothing else of it is used: its request is given headers and path of ours in `proxyReqWs`, and its
 * listeners for errors and plain answers are replaced, because they would end the client's socket before a 502
 * could be written, and write a plain answer without back-pressure. Each handshake has a ProxyServer of its own, so
 * that every event belongs to exactly one of them.
 */

/** A request to open a WebSocket that may go to the upstream. All header lists are flat: name, value, name, value. */
export interface Upgrade {
  readonly socket: Socket;
  /** What the client has sent behind its request already. */
  readonly head: Buffer;
  /** Scheme, host and port of the upstream. */
  readonly origin: string;
  /** Path and query, forwarded byte for byte. */
  readonly path: string;
  /** All the upstream gets, Host and identity headers included; only Connection and Upgrade are added. */
  readonly headers: readonly string[];
  /** Added to whatever the upstream answers, in place of fields of the same name. */
  readonly answerHeaders: readonly string[];
  /** PEM of the authorities that may vouch for the upstream; without it, the public ones. */
  readonly ca?: string | null;
  readonly connectMs: number;
  /** From the connection to the head of the answer. */
  readonly firstByteMs: number;
  /** Silence in both directions after which an open WebSocket is ended; without it, none. */
  readonly idleMs?: number;
  /** Asked in the tick that writes the first byte upstream. */
  readonly stillPermitted?: () => boolean;
}

/**
 * After `unreachable`, `timeout` and `withdrawn` nothing has been written to the client's socket: the caller MUST
 * answer there and close it. After every other outcome the socket is no longer the caller's.
 */
export type UpgradeOutcome =
  | { readonly kind: 'opened'; readonly closed: Promise<TunnelBytes>; readonly end: (code: number) => void }
  /** The upstream answered plain HTTP. `whole`: all of it has reached the client. */
  | { readonly kind: 'answered'; readonly status: number; readonly whole: boolean }
  /** `unsent`: no connection came about, so that not a byte has left. */
  | { readonly kind: 'unreachable' | 'timeout'; readonly detail: string; readonly unsent: boolean }
  /** `stillPermitted` said no; the upstream has seen a connection and not a byte. */
  | { readonly kind: 'withdrawn' }
  | { readonly kind: 'client_gone' };

export interface Upgrader {
  /** Fulfilled with exactly one outcome, `answered` when the answer is through; never rejected. */
  upgrade(upgrade: Upgrade): Promise<UpgradeOutcome>;
  /** Ends every WebSocket with close code 1001, those that open later as well. */
  closeAll(): void;
  /** WebSockets that are open. */
  readonly open: number;
}

export function createUpgrader({ lingerMs = 2_000 }: { readonly lingerMs?: number } = {}): Upgrader {
  const tunnels = new Set<Tunnel>();
  let draining = false;
  const opened = (tunnel: Tunnel): void => {
    tunnels.add(tunnel);
    void tunnel.closed.then(() => tunnels.delete(tunnel));
    if (draining) tunnel.end(GOING_AWAY);
  };
  return {
    upgrade: (upgrade) =>
      new Promise((resolve) => {
        new Handshake(upgrade, lingerMs, opened, resolve).start();
      }),
    closeAll() {
      draining = true;
      for (const tunnel of tunnels) tunnel.end(GOING_AWAY);
    },
    get open() {
      return tunnels.size;
    },
  };
}

type SwitchProtocols = (answer: IncomingMessage, upstream: Socket, head: Buffer) => void;

class Handshake {
  readonly #upgrade: Upgrade;
  readonly #client: Socket;
  readonly #lingerMs: number;
  readonly #opened: (tunnel: Tunnel) => void;
  readonly #resolve: (outcome: UpgradeOutcome) => void;
  #over = false;
  #connected = false;
  #outgoing: ClientRequest | null = null;
  #deadline: NodeJS.Timeout | null = null;
  #waiting: WaitingClient | null = null;

  constructor(
    upgrade: Upgrade,
    lingerMs: number,
    opened: (tunnel: Tunnel) => void,
    resolve: (outcome: UpgradeOutcome) => void,
  ) {
    this.#upgrade = upgrade;
    this.#client = upgrade.socket;
    this.#lingerMs = lingerMs;
    this.#opened = opened;
    this.#resolve = resolve;
  }

  start(): void {
    const client = this.#client.on('error', ignore);
    if (client.destroyed || client.readableEnded) return this.#gone();
    this.#waiting = new WaitingClient(client, this.#upgrade.head, this.#gone);
    try {
      this.#ask();
    } catch (error) {
      this.#outgoing?.destroy();
      this.#fail({
        kind: 'unreachable',
        unsent: !this.#connected,
        detail: `the request could not be sent: ${String(error)}`,
      });
    }
  }

  #ask(): void {
    const { origin, path, headers } = this.#upgrade;
    const { ca } = this.#upgrade;
    const proxy = new ProxyServer({ target: new URL(origin), toProxy: true, ...(ca ? { ca } : {}) });
    proxy.on('error', ignore);
    proxy.on('proxyReqWs', (outgoing) => {
      this.#outgoing = outgoing;
      outgoing.on('error', ignore);
      outgoing.path = path;
      replaceHeaders(outgoing, headers);
      outgoing.once('socket', (upstream: Socket) => {
        this.#holdUntilConnected(upstream, origin.startsWith('https:') ? 'secureConnect' : 'connect');
      });
    });
    const { connectMs } = this.#upgrade;
    this.#expect(connectMs, `no connection within ${connectMs} ms`);
    proxy.ws(blankUpgrade(this.#client, path), this.#client, Buffer.alloc(0));
    this.#takeOver();
  }

  /** Puts our listeners in place of http-proxy-3's, and keeps its own for the switch itself. */
  #takeOver(): void {
    const outgoing = this.#outgoing;
    if (outgoing === null) throw new Error('http-proxy-3 made no request');
    const [switchProtocols] = outgoing.listeners('upgrade') as SwitchProtocols[];
    if (switchProtocols === undefined) throw new Error('http-proxy-3 does not wait for the upgrade');
    for (const event of ['upgrade', 'response', 'error']) outgoing.removeAllListeners(event);
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      this.#fail({
        kind: 'unreachable',
        unsent: !this.#connected,
        detail: error.message || (error.code ?? error.name),
      });
    });
    outgoing.on('response', (answer) => {
      void this.#passOn(answer);
    });
    outgoing.on('upgrade', (answer, upstream, head) => {
      this.#open(answer, upstream, head, switchProtocols);
    });
  }

  /** Corked, the request's first byte is written in the tick in which the permission is asked for once more. */
  #holdUntilConnected(upstream: Socket, event: 'connect' | 'secureConnect'): void {
    upstream.cork();
    upstream.once(event, () => {
      if (this.#over) return;
      this.#connected = true;
      if (this.#upgrade.stillPermitted?.() === false) return this.#fail({ kind: 'withdrawn' });
      const { firstByteMs } = this.#upgrade;
      this.#expect(firstByteMs, `no answer within ${firstByteMs} ms`);
      upstream.uncork();
    });
  }

  #open(answer: IncomingMessage, upstream: Socket, head: Buffer, switchProtocols: SwitchProtocols): void {
    const protocol = answer.headers.upgrade ?? '';
    if (this.#over || protocol.toLowerCase() !== 'websocket') {
      upstream.on('error', ignore).destroy();
      return this.#fail({
        kind: 'unreachable',
        unsent: !this.#connected,
        detail: 'the upstream switched to another protocol',
      });
    }
    this.#finish();
    this.#waiting?.release();
    const client = this.#client;
    const fields = this.#answerFields(answer, FRAMING);
    answer.headers = byName(['Connection', 'Upgrade', 'Upgrade', protocol, ...fields]);
    // Node reads header bytes as latin1; http-proxy-3 would write them as UTF-8.
    client.setDefaultEncoding('latin1');
    switchProtocols(answer, upstream, head);
    client.setDefaultEncoding('utf8');
    const tunnel = new Tunnel(client, upstream, {
      lingerMs: this.#lingerMs,
      idleMs: this.#upgrade.idleMs ?? null,
    });
    this.#opened(tunnel);
    this.#resolve({ kind: 'opened', closed: tunnel.closed, end: (code) => tunnel.end(code) });
  }

  async #passOn(answer: IncomingMessage): Promise<void> {
    if (this.#over) return;
    const { idleMs, firstByteMs } = this.#upgrade;
    let response: ServerResponse;
    try {
      response = plainAnswer(answer, this.#answerFields(answer, []));
    } catch (error) {
      return this.#fail({
        kind: 'unreachable',
        unsent: !this.#connected,
        detail: `no HTTP answer: ${String(error)}`,
      });
    }
    this.#finish();
    this.#waiting?.discard();
    const whole = await sendPlainAnswer(response, answer, this.#client, {
      stallMs: idleMs ?? firstByteMs,
      lingerMs: this.#lingerMs,
    });
    this.#resolve({ kind: 'answered', status: response.statusCode, whole });
  }

  /** Both lists, ours in place of the upstream's. */
  #answerFields(answer: IncomingMessage, without: Iterable<string>): string[] {
    const { answerHeaders } = this.#upgrade;
    const ours = answerHeaders.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase());
    return [...passAnswerHeaders(answer.rawHeaders, new Set([...without, ...ours])), ...answerHeaders];
  }

  #expect(ms: number, detail: string): void {
    if (this.#deadline !== null) clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => {
      this.#fail({ kind: 'timeout', unsent: !this.#connected, detail });
    }, ms);
  }

  #gone = (): void => {
    this.#client.destroy();
    this.#fail({ kind: 'client_gone' });
  };

  #fail(outcome: UpgradeOutcome): void {
    if (this.#over) return;
    this.#finish();
    this.#outgoing?.destroy();
    this.#waiting?.discard();
    this.#resolve(outcome);
  }

  #finish(): void {
    this.#over = true;
    if (this.#deadline !== null) clearTimeout(this.#deadline);
  }
}

/** All that http-proxy-3 is told of the client's request: nothing the client has sent can reach its options. */
function blankUpgrade(client: Socket, path: string): IncomingMessage {
  const request = new IncomingMessage(client);
  request.method = 'GET';
  request.url = path;
  request.headers = { connection: 'Upgrade', upgrade: 'websocket' };
  return request;
}

function ignore(): void {
  // The `close` that follows every error is what counts.
}
