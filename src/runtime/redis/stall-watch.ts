import type { Socket } from 'node:net';

/** Rounds without an answer after which a connection is dropped. */
const ROUNDS = 3;

/**
 * Drops a connection that is open and answers nothing, as one to a frozen host or behind a cut cable: neither end says
 * so for minutes. A round is a call without an answer that was sent after the last round had ended, so that one short
 * pause under many calls at once is one round.
 */
export class StallWatch {
  readonly #stalls = new WeakMap<Socket, { rounds: number; endedAt: number }>();

  answered(connection: Socket): void {
    this.#stalls.delete(connection);
  }

  /** A call sent at `sentAt` was given up. */
  notAnswered(connection: Socket, sentAt: number): void {
    const stall = this.#stalls.get(connection) ?? { rounds: 0, endedAt: -Infinity };
    if (sentAt < stall.endedAt) return;
    stall.rounds += 1;
    stall.endedAt = performance.now();
    this.#stalls.set(connection, stall);
    if (stall.rounds >= ROUNDS) connection.destroy();
  }
}
