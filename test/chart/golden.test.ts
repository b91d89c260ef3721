import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CHART, helm } from './helm.ts';
import { GOLDEN, GOLDEN_FOLDER, goldenText, renderAnew, text, VALUE_SETS, valuesFile } from './renders.ts';

describe('helm lint --strict', () => {
  it('has nothing to say of the chart with its own values', async () => {
    const { code, stdout } = await helm(['lint', '--strict', CHART]);
    expect([code, stdout]).toEqual([0, expect.stringContaining('1 chart(s) linted, 0 chart(s) failed')]);
    expect(stdout).not.toMatch(/\[(?:INFO|WARNING|ERROR)\]/);
  });

  it.each(VALUE_SETS)('has nothing to say of %s', async (set) => {
    const { code, stdout, stderr } = await helm(['lint', '--strict', CHART, '-f', valuesFile(set)]);
    // It lints for one version of Kubernetes, an old one, and cannot be told another.
    const said = (stdout + stderr).replace(/.*needs Kubernetes.*/g, '');
    expect(said).not.toMatch(/\[(?:INFO|WARNING|ERROR)\]|Fail/);
    expect(code).toBe(0);
  });
});

describe('renders', () => {
  it('are kept of a dozen sets of values and more, and of nothing else', () => {
    expect(VALUE_SETS.length).toBeGreaterThanOrEqual(12);
    expect(readdirSync(GOLDEN_FOLDER).sort()).toEqual(GOLDEN.map(([file]) => file).sort());
  });

  it.each(GOLDEN)('%s is what the chart renders; `npm run golden` writes it anew', async (file, render) => {
    expect(await render()).toBe(goldenText(file));
  });

  it.each(VALUE_SETS)('%s is the same to the byte when it is rendered twice', async (set) => {
    const [one, two] = await Promise.all([text(renderAnew(set)), text(renderAnew(set))]);
    expect(one).toBe(two);
  });
});
