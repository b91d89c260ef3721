import type { Flight } from './flight.ts';

/**
 * The requests under way to upstreams. Not a Set: one that is added to and taken from all the time leaves its outgrown
 * tables behind, each pointing to the next and still holding what was in it, so that in effect every request would
 * live until the next full collection.
 */
export class Flights {
  readonly #flights: Flight[] = [];

  add(flight: Flight): void {
    flight.place = this.#flights.length;
    this.#flights.push(flight);
  }

  /** It MUST have been added, and not been taken out before. */
  remove(flight: Flight): void {
    const last = this.#flights.pop();
    if (last === undefined || last === flight) return;
    this.#flights[flight.place] = last;
    last.place = flight.place;
  }

  abortAll(reason: string): void {
    for (let i = this.#flights.length - 1; i >= 0; i--) this.#flights[i]?.abort(reason);
  }

  endStalled(now: number): void {
    // From the end, since whoever is ended leaves its place to the last.
    for (let i = this.#flights.length - 1; i >= 0; i--) this.#flights[i]?.endIfStalled(now);
  }
}
