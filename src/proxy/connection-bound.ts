import type { Server, Socket } from 'node:net';
import type { ProxyConfig } from '../config/config.ts';
import type { Metrics } from '../runtime/metrics.ts';
import { countedAddress, plainAddress, type TrustedProxies } from './address.ts';

/** A bound on the connections of a server, whose own listeners hear of no connection that is one too many. */
export function bindConnections(
  server: Server,
  { bounds }: ProxyConfig,
  trusted: TrustedProxies,
  metrics: Metrics,
): ConnectionBound {
  const refused = (): void => metrics.connectionsRefused.inc();
  const bound = new ConnectionBound(bounds.connectionsPerAddress, trusted, refused);
  server.prependListener('connection', (socket) => bound.take(socket));
  return bound;
}

/**
 * Bounds the open connections of one client address, so that nobody takes all that a process may have. Those beyond are
 * closed before a byte of them is read. Trusted proxies bring the connections of many.
 */
export class ConnectionBound {
  #most: number;
  #trusted: TrustedProxies;
  readonly #refused: () => void;
  readonly #open = new Map<string, number>();

  constructor(most: number, trusted: TrustedProxies, refused: () => void) {
    this.#most = most;
    this.#trusted = trusted;
    this.#refused = refused;
  }

  /** Connections that are open stay open, and count. */
  adopt(most: number, trusted: TrustedProxies): void {
    this.#most = most;
    this.#trusted = trusted;
  }

  /** For each new connection; closes it where it is one too many. */
  take(socket: Socket): void {
    const peer = plainAddress(socket.remoteAddress ?? '');
    if (this.#trusted.trusts(peer)) return;
    const address = countedAddress(peer);
    const open = this.#open.get(address) ?? 0;
    if (open >= this.#most) {
      this.#refused();
      socket.destroy();
      return;
    }
    this.#open.set(address, open + 1);
    socket.once('close', () => this.#giveBack(address));
  }

  #giveBack(address: string): void {
    const open = (this.#open.get(address) ?? 1) - 1;
    if (open === 0) this.#open.delete(address);
    else this.#open.set(address, open);
  }
}
