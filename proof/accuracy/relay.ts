import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Random } from './random.ts';

/** A stretch of network between one gate and Redis. It can be cut, and it can lose calls and replies. */
export class Relay {
  readonly #server: Server;
  readonly #target: number;
  readonly #random: Random;
  readonly #lines = new Map<Socket, Socket>();
  #isCut = false;
  #lossChance = 0;
  /** Connections that ended between a call and its reply. */
  lost = 0;

  private constructor(target: number, random: Random) {
    this.#target = target;
    this.#random = random;
    this.#server = createServer({ pauseOnConnect: true, noDelay: true }, (near) => this.#accept(near));
  }

  /** `target` is a port of loopback. */
  static async open(target: number, random: Random): Promise<Relay> {
    const relay = new Relay(target, random);
    await new Promise<void>((resolve) => relay.#server.listen(0, '127.0.0.1', resolve));
    return relay;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Nothing passes from here on, in neither direction, and nobody is told. */
  cut(): void {
    this.#isCut = true;
    for (const [near, far] of this.#lines) {
      near.pause();
      far.pause();
    }
  }

  /** What was on its way is gone, and so are the connections. */
  heal(): void {
    this.#isCut = false;
    this.#endAll();
  }

  /** From here on each reply ends its connection with this chance and is lost, and so does half of the time a call. */
  lose(chance: number): void {
    this.#lossChance = chance;
  }

  close(): void {
    this.#server.close();
    this.#endAll();
  }

  #accept(near: Socket): void {
    const far = connect({ port: this.#target, host: '127.0.0.1', noDelay: true });
    this.#lines.set(near, far);
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#lines.delete(near);
        // Behind a cut the other side does not hear of it.
        if (!this.#isCut) other.destroy();
      });
    }
    near.on('data', (bytes: Buffer) => this.#pass(near, far, bytes, this.#lossChance / 2));
    far.on('data', (bytes: Buffer) => this.#pass(far, near, bytes, this.#lossChance));
    if (this.#isCut) far.pause();
    else near.resume();
  }

  #pass(from: Socket, to: Socket, bytes: Buffer, lossChance: number): void {
    if (lossChance > 0 && this.#random.chance(lossChance)) {
      this.lost++;
      from.destroy();
      to.destroy();
      return;
    }
    to.write(bytes);
  }

  #endAll(): void {
    for (const [near, far] of this.#lines) {
      near.destroy();
      far.destroy();
    }
  }
}
