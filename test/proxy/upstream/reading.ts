import type { AnswerHead } from '../../../src/proxy/upstream/answer-head.ts';
import { AnswerReader } from '../../../src/proxy/upstream/answer-reader.ts';

/** What a reader told of an answer, the parts of its body put together. */
export interface Reading {
  readonly interim: readonly number[];
  readonly head: AnswerHead | null;
  /** Each byte a character. */
  readonly body: string;
  /** How often its end was told. */
  readonly ends: number;
  /** How many bytes belong to it. */
  readonly used: number;
  /** Whether it is whole, once the connection has ended. */
  readonly isWhole: boolean;
  /** Why it was refused; null: it was not. */
  readonly refusal: string | null;
}

/** Reads text, each character a byte, cut at these places, in memory that is used again. */
export function readingOf(text: string, cuts: readonly number[] = [], isToHead = false): Reading {
  const interim: number[] = [];
  let [head, body, ends, used]: [AnswerHead | null, string, number, number] = [null, '', 0, 0];
  const reader = new AnswerReader(
    {
      interim: (status) => void interim.push(status),
      head: (told) => (head = told),
      data: (part) => (body += part.toString('latin1')),
      end: () => ends++,
    },
    isToHead,
  );
  const told = (isWhole: boolean, refusal: string | null): Reading => {
    return { interim, head, body, ends, used, isWhole, refusal };
  };
  const memory = Buffer.alloc(text.length);
  try {
    let from = 0;
    for (const to of [...cuts, text.length]) {
      const length = memory.write(text.slice(from, to), 'latin1');
      const taken = reader.take(memory.subarray(0, length));
      // Whoever kept a part of it, keeps this.
      memory.fill('?', 0, length);
      used += taken;
      if (taken < length) break;
      from = to;
    }
    return told(reader.isOver || reader.close(), null);
  } catch (error) {
    return told(false, (error as Error).message);
  }
}

export function everyByteOf(text: string): number[] {
  return Array.from({ length: text.length }, (_, i) => i + 1);
}
