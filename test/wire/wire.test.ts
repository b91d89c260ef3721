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

for (const file of files) {
  describe(file.name, () => {
    for (const wireCase of file.cases) {
      const title = `${wireCase.case}: ${wireCase.title}`;
      if (wireCase.pending === undefined) it(title, () => runCase(wireCase, file.configOf(wireCase)));
      else it.todo(`${title} (${wireCase.pending})`);
    }
  });
}
