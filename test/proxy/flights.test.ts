import { describe, expect, it } from 'vitest';
import type { Flight } from '../../src/proxy/flight.ts';
import { Flights } from '../../src/proxy/flights.ts';

/** Of a flight, what the list knows: its place, and that it may be stalled. */
class Fake {
  place = 0;
  asked = 0;
  readonly #ends: () => boolean;

  constructor(ends: () => boolean = () => false) {
    this.#ends = ends;
  }

  /** Whoever is stalled leaves the list, as a flight does that is aborted. */
  endIfStalled(): void {
    this.asked++;
    if (this.#ends()) flights.remove(this.asFlight);
  }

  get asFlight(): Flight {
    return this as unknown as Flight;
  }
}

let flights = new Flights();

function underWay(...fakes: Fake[]): void {
  flights = new Flights();
  for (const fake of fakes) flights.add(fake.asFlight);
}

describe('the requests under way', () => {
  it.each([0, 1, 2, 3])('are all asked but the one that has landed, number %i of four', (landed) => {
    const fakes = [new Fake(), new Fake(), new Fake(), new Fake()];
    underWay(...fakes);
    flights.remove((fakes[landed] ?? new Fake()).asFlight);
    flights.endStalled(0);
    expect(fakes.map(({ asked }) => asked)).toEqual(fakes.map((_, i) => (i === landed ? 0 : 1)));
  });

  it('are each asked once, however many are ended meanwhile', () => {
    const fakes = Array.from({ length: 50 }, (_, i) => new Fake(() => i % 3 !== 0));
    underWay(...fakes);
    flights.endStalled(0);
    expect(fakes.map(({ asked }) => asked)).toEqual(fakes.map(() => 1));
    flights.endStalled(0);
    expect(fakes.map(({ asked }) => asked)).toEqual(fakes.map((_, i) => (i % 3 === 0 ? 2 : 1)));
  });
});
