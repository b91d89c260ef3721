import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import type { Clock } from '../../../src/core/clock.ts';

/** A process of the simulated world. What happens to it while it is stopped happens when it wakes. */
export interface Process {
  /** The moment itself where it runs then. */
  wakesAt(at: number): number;
}

interface Event {
  at: number;
  readonly order: number;
  readonly what: () => void;
  readonly process: Process | null;
  cancelled: boolean;
}

/** Numbers that look random and are the same for the same seed. */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** At least `from`, less than `to`. */
  between(from: number, to: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return from + (((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * (to - from);
  }

  is(probability: number): boolean {
    return this.between(0, 1) < probability;
  }

  one<T>(choices: readonly T[]): T {
    const chosen = choices[Math.floor(this.between(0, choices.length))];
    if (chosen === undefined) throw new Error('nothing to choose from');
    return chosen;
  }
}

/**
 * Time that passes only from event to event. The program's own timers run in it: `setTimeout` and `clearTimeout` here
 * take the place of Node's, and a timer belongs to the process whose code has set it.
 */
export class Simulation {
  now = 0;
  readonly #events: Event[] = [];
  readonly #running = new AsyncLocalStorage<Process>();
  #order = 0;

  /** Runs code as that process. */
  as<T>(process: Process, code: () => T): T {
    return this.#running.run(process, code);
  }

  at(at: number, what: () => void, process: Process | null = null): Event {
    const event = { at: Math.max(at, this.now), order: this.#order++, what, process, cancelled: false };
    this.#push(event);
    return event;
  }

  readonly setTimeout = (what: () => void, ms = 0): Event & { unref(): void } => {
    const process = this.#running.getStore() ?? null;
    const event = this.at(this.now + ms, process === null ? what : () => this.as(process, what), process);
    return Object.assign(event, { unref: () => undefined });
  };

  readonly clearTimeout = (event?: Event): void => {
    if (event !== undefined) event.cancelled = true;
  };

  /** Resolves when that much time has passed for the process whose code waits. */
  pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.setTimeout(resolve, ms));
  }

  async runUntil(end: number): Promise<void> {
    for (let event = this.#pop(end); event !== null; event = this.#pop(end)) {
      this.now = event.at;
      if (event.cancelled) continue;
      const wakesAt = event.process?.wakesAt(event.at) ?? event.at;
      if (wakesAt > event.at) {
        event.at = wakesAt;
        this.#push(event);
        continue;
      }
      event.what();
      await turn();
    }
    this.now = end;
  }

  /** A binary heap by time, then by the order of asking. */
  #push(event: Event): void {
    const events = this.#events;
    let i = events.push(event) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!isBefore(event, events[parent])) break;
      events[i] = events[parent] as Event;
      i = parent;
    }
    events[i] = event;
  }

  #pop(end: number): Event | null {
    const events = this.#events;
    const [first] = events;
    if (first === undefined || first.at > end) return null;
    const last = events.pop() as Event;
    if (events.length === 0) return first;
    let i = 0;
    for (;;) {
      const left = 2 * i + 1;
      const child = isBefore(events[left + 1] ?? last, events[left]) ? left + 1 : left;
      if (!isBefore(events[child] ?? last, last)) break;
      events[i] = events[child] as Event;
      i = child;
    }
    events[i] = last;
    return first;
  }
}

function isBefore(a: Event, b: Event | undefined): boolean {
  return b === undefined ? false : a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** Stretches of time, as of an outage. */
export class Spans {
  readonly #spans: (readonly [from: number, to: number])[];

  constructor(...spans: readonly (readonly [from: number, to: number])[]) {
    this.#spans = [...spans];
  }

  add(from: number, to: number): void {
    this.#spans.push([from, to]);
  }

  has(at: number): boolean {
    return this.#spans.some(([from, to]) => at >= from && at < to);
  }

  /** The end of the one that holds the moment; the moment itself where none does. */
  endAt(at: number): number {
    return this.#spans.find(([from, to]) => at >= from && at < to)?.[1] ?? at;
  }

  /** How much of the time until that moment they cover, where they do not overlap. */
  until(at: number): number {
    return this.#spans.reduce((sum, [from, to]) => sum + Math.max(0, Math.min(at, to) - from), 0);
  }
}

/** Clocks that run a little fast or slow, whose wall time steps, and whose monotonic time may stop with the machine. */
export class UnevenClock implements Clock {
  readonly #simulation: Simulation;
  readonly #rate: number;
  readonly #step: { readonly at: number; readonly byMs: number };
  readonly #suspended: Spans;

  constructor(
    simulation: Simulation,
    uneven: { rate: number; step: { at: number; byMs: number }; suspended: Spans },
  ) {
    this.#simulation = simulation;
    this.#rate = uneven.rate;
    this.#step = uneven.step;
    this.#suspended = uneven.suspended;
  }

  now(): number {
    const { now } = this.#simulation;
    return Date.UTC(2030, 0, 1) + now * this.#rate + (now >= this.#step.at ? this.#step.byMs : 0);
  }

  monotonic(): number {
    const { now } = this.#simulation;
    return 5_000_000 + (now - this.#suspended.until(now)) * this.#rate;
  }
}
