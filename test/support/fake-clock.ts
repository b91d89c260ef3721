import type { Clock } from '../../src/core/clock.ts';

/** Both times of a process, standing still until a test moves them. Instants start away from zero on purpose. */
export class FakeClock implements Clock {
  #wallMs = Date.UTC(2026, 0, 1);
  #monotonicMs = 5_000_000;

  now(): number {
    return this.#wallMs;
  }

  monotonic(): number {
    return this.#monotonicMs;
  }

  advance(ms: number): void {
    this.#wallMs += ms;
    this.#monotonicMs += ms;
  }

  /** As an operator or NTP sets the time of day; the monotonic clock goes on as it was. */
  stepWall(ms: number): void {
    this.#wallMs += ms;
  }
}
