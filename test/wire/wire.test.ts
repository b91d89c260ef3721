import { describe, expect, it } from 'vitest';
import { CASES, FILES, readWireFile } from '../support/wire-cases.ts';
import { runCase } from '../support/wire-run.ts';

const files = FILES.map(readWireFile);

describe('the wire cases', () => {
  it('are numbered 1 to 123, each once over all files', () => {
    const numbers = files.flatMap(({ cases }) => cases.map((wireCase) => wireCase.case));
    expect(numbers.toSorted((a, b) => a - b)).toEqual(Array.from({ length: CASES }, (_, i) => i + 1));
  });

  it('stand in the order of their numbers within a file', () => {
    for (const { cases } of files) {
      const numbers = cases.map((wireCase) => wireCase.case);
      expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    }
  });
});

describe.each(files)('$name', (file) => {
  const real = file.cases.filter((wireCase) => wireCase.steps !== undefined);
  const pending = file.cases.filter((wireCase) => wireCase.steps === undefined);

  it.each(real)('$case: $title', async (wireCase) => {
    await expect(runCase(wireCase, file.configOf(wireCase))).resolves.toBeUndefined();
  });

  for (const { case: number, title, pending: reason } of pending) {
    // oxlint-disable-next-line vitest/warn-todo -- a pending case is listed with what it waits for
    it.todo(`${number}: ${title} (pending: ${reason})`);
  }
});
