import { describe, expect, it } from 'vitest';
import { CASES, FILES, readWireFile } from '../support/wire-cases.ts';
import { runCase } from '../support/wire-run.ts';

const files = FILES.map(readWireFile);

describe('the wire cases', () => {
  it('are numbered 1 to 123, each once over all files', () => {
    const numbers = files.flatMap(({ cases }) => cases.map((wireCase) => wireCase.case));
    expect(numbers.toSorted((a, b) => a - b)).toEqual(Array.from({ length: CASES }, (_, i) => i + 1));
  });

  it('are all played but those that are known to be pending', () => {
    const pending = files.flatMap(({ cases }) => cases.filter((wireCase) => wireCase.pending !== undefined));
    expect(pending.map((wireCase) => wireCase.case).toSorted((a, b) => a - b)).toEqual(PENDING);
  });

  it('stand in the order of their numbers within a file', () => {
    for (const { cases } of files) {
      const numbers = cases.map((wireCase) => wireCase.case);
      expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    }
  });
});

/** What nothing serves yet; the files say for each what it waits for. */
const PENDING: readonly number[] = [];

describe.each(files)('$name', (file) => {
  const real = file.cases.filter((wireCase) => wireCase.pending === undefined);

  it.each(real)('$case: $title', async (wireCase) => {
    await expect(runCase(wireCase, file.configOf(wireCase))).resolves.toBeUndefined();
  });
});
