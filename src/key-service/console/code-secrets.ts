import { randomBytes } from 'node:crypto';
import type { Peppers } from '../peppers.ts';
import type { Operators, SealedText, StoredOperator } from '../store/operators.ts';
import { CODE_SECRET_BYTES, counterOf } from './one-time-codes.ts';

/** The secrets of authenticators, which the store has sealed under a pepper. */
export class CodeSecrets {
  readonly #peppers: Peppers;
  readonly #store: Operators;
  /** What stands in where there is none, so that as much is done. */
  readonly #nobodys: SealedText;

  constructor(peppers: Peppers, store: Operators) {
    this.#peppers = peppers;
    this.#store = store;
    this.#nobodys = this.make();
  }

  make(): SealedText {
    return this.#peppers.sealSecret(randomBytes(CODE_SECRET_BYTES));
  }

  open(sealed: SealedText): Buffer {
    return this.#peppers.unsealSecret(sealed);
  }

  /** The counter that the code belongs to; null: none, and of nobody none in any case. */
  counterOf(sealed: SealedText | null, code: string, now: number): number | null {
    const counter = counterOf(this.open(sealed ?? this.#nobodys), code, now);
    return sealed === null ? null : counter;
  }

  /** A pepper that is not current any more is not needed once everybody has signed in. */
  async refresh({ id, totp }: StoredOperator): Promise<void> {
    if (totp === null || this.#peppers.isCurrent(totp.pepperId)) return;
    await this.#store.resealCode(id, totp.text, this.#peppers.sealSecret(this.open(totp)));
  }
}
