import type { Clock } from '../../core/clock.ts';
import type { Knowledge, Reading } from './knowledge.ts';
import { momentOf } from './moment.ts';

export interface WitnessOptions {
  /** Whether Redis can answer at all. */
  readonly isUp: () => boolean;
  readonly read: () => Promise<Reading>;
  readonly knowledge: Knowledge;
  readonly clock: Clock;
  /** What came of a question. */
  readonly asked: (result: 'confirmed' | 'denied' | 'error') => void;
}

/**
 * With the key service in trouble, Redis is asked every quarter of the fence whether the newest change is still the
 * one that was applied here. It can only confirm what the latest renewal told.
 */
export class Witness {
  readonly #options: WitnessOptions;
  #timer: NodeJS.Timeout | undefined;
  #question: Promise<void> | null = null;
  #stopped = false;

  constructor(options: WitnessOptions) {
    this.#options = options;
  }

  /** From now on it is asked whenever the latest renewal is older than half the fence. */
  start(): void {
    const { knowledge } = this.#options;
    clearTimeout(this.#timer);
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      if (knowledge.renewalAgeMs > knowledge.fenceMs / 2) void this.ask();
      this.start();
    }, knowledge.fenceMs / 4);
    this.#timer.unref();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /** Never rejects. */
  ask(): Promise<void> {
    this.#question ??= this.#ask().finally(() => {
      this.#question = null;
    });
    return this.#question;
  }

  async #ask(): Promise<void> {
    const { isUp, read, knowledge, clock, asked } = this.#options;
    if (!isUp() || knowledge.redisRun === null) return;
    const askedAt = momentOf(clock);
    try {
      const reading = await read();
      asked(knowledge.hear(reading, askedAt) ? 'confirmed' : 'denied');
    } catch {
      asked('error');
    }
  }
}
