import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as ws from 'ws';
import { FrameBoundary } from '../../src/proxy/frame-boundary.ts';

/** The package exports it; its types do not. */
const { Sender } = ws as unknown as {
  Sender: { frame(data: Buffer, options: object): Buffer[] };
};

/** Frames as `ws` writes them, so that our reading is checked against another one's writing. */
function frame(opcode: number, length: number, mask: boolean): Buffer {
  const options = { fin: true, rsv1: false, opcode, mask, readOnly: true } as const;
  return Buffer.concat(Sender.frame(Buffer.alloc(length, 0x88), options));
}

const frames = fc.array(
  fc
    .record({
      opcode: fc.constantFrom(0, 1, 2, 9, 10),
      length: fc.oneof(fc.integer({ min: 0, max: 130 }), fc.constantFrom(65_535, 65_536)),
      mask: fc.boolean(),
    })
    .map(({ opcode, length, mask }) => frame(opcode, length, mask)),
  { minLength: 1, maxLength: 6 },
);

describe('frame boundaries', () => {
  it('are known wherever a stream is cut into chunks', () => {
    fc.assert(
      fc.property(frames, fc.array(fc.nat(200_000), { maxLength: 8 }), (all, cuts) => {
        const bytes = Buffer.concat(all);
        const ends = new Set([0]);
        let end = 0;
        for (const one of all) ends.add((end += one.length));
        const seen = new FrameBoundary();
        let from = 0;
        for (const cut of [...cuts.map((cut) => cut % bytes.length), bytes.length].sort((a, b) => a - b)) {
          seen.pass(bytes.subarray(from, cut));
          from = cut;
          expect(seen.between).toBe(ends.has(cut));
        }
        expect(seen.closed).toBe(false);
      }),
      { numRuns: 200 },
    );
  });

  it('stop a chunk at the end of the frame under way', () => {
    fc.assert(
      fc.property(frames, frames, fc.nat(200_000), (before, after, at) => {
        const bytes = Buffer.concat(before);
        const cut = at % bytes.length;
        const seen = new FrameBoundary();
        seen.pass(bytes.subarray(0, cut));
        let end = 0;
        for (const one of before) if (end < cut) end += one.length;
        const taken = seen.passFrame(Buffer.concat([bytes.subarray(cut), ...after]));
        expect(cut + taken).toBe(end);
        expect(seen.between).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  it('tell that a close frame has gone by', () => {
    const seen = new FrameBoundary();
    seen.pass(frame(1, 300, false));
    expect(seen.closed).toBe(false);
    seen.pass(frame(8, 2, false));
    expect(seen.closed).toBe(true);
  });
});
