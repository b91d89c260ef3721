import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { CHART, helm, ROOT } from './helm.ts';
import { manifestsIn, sidecarExample, text, valuesFile } from './renders.ts';

const folder = mkdtempSync(join(tmpdir(), 'plexgate-documented-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Examples in YAML that a page has. */
function examplesIn(page: string): readonly string[] {
  const source = readFileSync(join(ROOT, page), 'utf8');
  return Array.from(source.matchAll(/^```yaml\n([\s\S]*?)^```/gm), ([, example = '']) => example);
}

function saved(example: string): string {
  const file = join(folder, 'values.yaml');
  writeFileSync(file, example);
  return file;
}

const EXAMPLES = examplesIn('docs/kubernetes.md');
const named = (start: RegExp) => EXAMPLES.filter((example) => start.test(example));

describe('an example of docs/kubernetes.md renders as it stands:', () => {
  it.each(named(/^# \w+\.yaml\n/))('%s', async (example) => {
    const rendered = await text(helm(['template', 'plexgate', CHART, '-f', saved(example)]));
    expect(manifestsIn(rendered).filter(({ kind }) => kind === 'Deployment')).toHaveLength(1);
  });

  it.each(named(/^externalRedis:/))('%s', async (example) => {
    const args = ['template', 'demo', CHART, '-f', valuesFile('smallest'), '-f', saved(example)];
    expect(await text(helm(args))).toContain('\n    redis:\n');
  });

  it.each(named(/^plexgate:/))('%s', async (example) => {
    expect(await sidecarExample('1.34', '-f', saved(example))).toContain('http://127.0.0.1:3000');
  });

  it('and there are some of each', () => {
    expect([/^# \w+\.yaml\n/, /^externalRedis:/, /^plexgate:/].map((start) => named(start).length)).toEqual([
      2, 3, 1,
    ]);
  });
});

describe('the README of the chart', () => {
  it('begins with values that render', async () => {
    const [gateway = ''] = examplesIn('helm/plexgate/README.md');
    expect(await text(helm(['template', 'demo', CHART, '-f', saved(gateway)]))).toContain('kind: Deployment');
  });

  it('names every template for pods of other charts, and no other', () => {
    const sidecar = readFileSync(join(CHART, 'templates/_sidecar.tpl'), 'utf8');
    const defined = Array.from(sidecar.matchAll(/define "(plexgate\.sidecar\w*)"/g), ([, name = '']) => name);
    const readme = readFileSync(join(CHART, 'README.md'), 'utf8');
    const listed = Array.from(readme.matchAll(/^\| `(plexgate\.sidecar\w*)` \|/gm), ([, name = '']) => name);
    expect(listed.sort()).toEqual(defined.sort());
  });
});
