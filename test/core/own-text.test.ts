import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { ownText } from '../../src/core/own-text.ts';

/** Of the heap, in bytes, when all that nobody holds is gone. */
function held(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed;
}

const HEAD_BYTES = 16 * 1024;
const HEADS = 2000;

function partsOfHeads(part: (head: string) => string): { readonly parts: string[]; readonly bytes: number } {
  const before = held();
  const parts = Array.from({ length: HEADS }, (_, i) =>
    part(Buffer.alloc(HEAD_BYTES, `head ${i}, `).toString('latin1')),
  );
  return { parts, bytes: held() - before };
}

it('is the same text', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      const text = Buffer.from(bytes).toString('latin1');
      expect(ownText(text)).toBe(text);
    }),
  );
});

it('a part that is kept does not keep the head it is from', () => {
  const kept = partsOfHeads((head) => head.slice(20, 60));
  expect([kept.parts.length, kept.bytes > (HEADS * HEAD_BYTES) / 2]).toEqual([HEADS, true]);
  const own = partsOfHeads((head) => ownText(head.slice(20, 60)));
  expect([own.parts.length, own.bytes < (HEADS * HEAD_BYTES) / 10]).toEqual([HEADS, true]);
});
