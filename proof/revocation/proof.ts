import type { Random } from './random.ts';

/** One sentence about the running program, with the means to see whether it is true. */
export interface Proof {
  readonly name: string;
  /** Left out of a small run where it is not asked for by its name. */
  readonly onlyInFull?: boolean;
  /** Resolves with what was found. Rejects where it could not be looked at, which is a failure too. */
  run(stage: Stage, findings: Findings): Promise<void>;
}

/** Where a proof runs. */
export interface Stage {
  /** The size for every change; else the size that the promise names. */
  readonly quick: boolean;
  /** Where chance is part of a proof, it comes from here. */
  readonly random: Random;
  /** `example`: the one under examples that offers renewals; absent: Plexgate's. */
  readonly keyService?: 'example';
  /** A folder of the proof's own. */
  readonly folder: string;
  /** Done when the proof has ended, however it ended; the last one first. */
  atEnd(cleanUp: () => Promise<void> | void): void;
}

const FAILURES_SHOWN = 8;

/** What a proof has measured, and what it found wrong. */
export class Findings {
  readonly #measured: string[] = [];
  readonly #wrong = new Found();
  readonly #late = new Found();

  /** A number for the reader. */
  note(text: string): void {
    this.#measured.push(text);
  }

  /** What has to be so, however slow the machine. */
  must(is: boolean, otherwise: string): void {
    if (!is) this.#wrong.add(otherwise);
  }

  /** What has to be so in time, where the machine has time. */
  inTime(is: boolean, otherwise: string): void {
    if (!is) this.#late.add(otherwise);
  }

  get measured(): string {
    return this.#measured.join('; ');
  }

  get wrong(): readonly string[] {
    return this.#wrong.told;
  }

  get late(): readonly string[] {
    return this.#late.told;
  }
}

/** Sentences with how often each was found. */
class Found {
  readonly #counts = new Map<string, number>();
  #unshown = 0;

  add(what: string): void {
    const before = this.#counts.get(what) ?? 0;
    if (before > 0 || this.#counts.size < FAILURES_SHOWN) this.#counts.set(what, before + 1);
    else this.#unshown += 1;
  }

  get told(): readonly string[] {
    const shown = [...this.#counts].map(([what, count]) => (count === 1 ? what : `${what} (${count} times)`));
    return this.#unshown === 0 ? shown : [...shown, `and ${this.#unshown} more`];
  }
}
