import type { KeyRecord } from '../../src/core/key.ts';
import type { Digest } from '../../src/core/secret.ts';
import type { KeySource, Resolution } from '../../src/core/wire.ts';

/** A question that waits for the test to answer it. */
export interface Question {
  readonly digest: Digest;
  readonly signal: AbortSignal;
  answer(record: KeyRecord | null, asOf: number): void;
  fail(error: unknown): void;
}

/** A key service that answers when the test does. */
export class HeldSource implements KeySource {
  readonly questions: Question[] = [];

  resolve(digest: Digest, signal: AbortSignal): Promise<Resolution> {
    return new Promise((resolve, reject) => {
      this.questions.push({
        digest,
        signal,
        answer: (record, asOf) => resolve({ record, asOf }),
        fail: reject,
      });
    });
  }

  /** The newest question. */
  get last(): Question {
    const question = this.questions.at(-1);
    if (question === undefined) throw new Error('nothing was asked');
    return question;
  }
}

/** A key service that knows these keys and answers at once. */
export class KnownKeys implements KeySource {
  readonly records = new Map<Digest, KeyRecord>();
  asked = 0;
  asOf = 0;

  resolve(digest: Digest): Promise<Resolution> {
    this.asked++;
    return Promise.resolve({ record: this.records.get(digest) ?? null, asOf: this.asOf });
  }
}
