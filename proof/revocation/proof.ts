import type { Random } from './random.ts';

/** One sentence about the running program, with the means to see whether it is true. */
export interface Proof {
  readonly name: string;
  /** Resolves with what was found. Rejects where it could not be looked at, which is a failure too. */
  run(stage: Stage, findings: Findings): Promise<void>;
}

/** Where a proof runs. */
export interface Stage {
  /** The size for every change; else the size that the promise names. */
  readonly quick: boolean;
  /** Where chance is part of a proof, it comes from here. */
  readonly random: Random;
  /** A folder of the proof's own. */
  readonly folder: string;
  /** Done when the proof has ended, however it ended; the last one first. */
  atEnd(cleanUp: () => Promise<void> | void): void;
}

const FAILURES_SHOWN = 5;

/** What a proof has measured, and what it found wrong. */
export class Findings {
  readonly #measured: string[] = [];
  readonly #failures: string[] = [];
  #unshown = 0;

  get ok(): boolean {
    return this.#failures.length === 0;
  }

  /** A number for the reader. */
  note(text: string): void {
    this.#measured.push(text);
  }

  /** What has to be so. */
  must(is: boolean, otherwise: string): void {
    if (is) return;
    if (this.#failures.length < FAILURES_SHOWN) this.#failures.push(otherwise);
    else this.#unshown += 1;
  }

  get measured(): string {
    return this.#measured.join('; ');
  }

  get failures(): readonly string[] {
    return this.#unshown === 0 ? this.#failures : [...this.#failures, `and ${this.#unshown} more`];
  }
}
