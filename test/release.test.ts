import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import packageJson from '../package.json' with { type: 'json' };

const read = (path: string): string => readFileSync(join(import.meta.dirname, '..', path), 'utf8');

/** Releases of the changelog, the newest first; what is not released yet has no version. */
function releases(): string[] {
  return Array.from(
    read('CHANGELOG.md').matchAll(/^## \[?(\d+\.\d+\.\d+)\]?/gm),
    ([, version = '']) => version,
  );
}

describe('a version is raised everywhere or nowhere', () => {
  it('package.json has a version of three numbers', () => {
    expect(packageJson.version).toMatch(/^\d+\.\d+\.\d+$/);
  });

  it('the newest release of CHANGELOG.md is the version of package.json', () => {
    expect(releases()[0]).toBe(packageJson.version);
  });

  it('each release of CHANGELOG.md is newer than the one below it', () => {
    const numbers = releases().map((version) => version.split('.').map(Number));
    const newestFirst = numbers.toSorted((a, b) =>
      a.reduce((order, part, i) => order || (b[i] ?? 0) - part, 0),
    );
    expect(numbers).toEqual(newestFirst);
    expect(new Set(releases()).size).toBe(numbers.length);
  });

  it('the lock file and the image say the version of package.json', () => {
    const locked = JSON.parse(read('package-lock.json')) as { version: string };
    expect(locked.version).toBe(packageJson.version);
    expect(read('Dockerfile')).toContain(`ARG VERSION=${packageJson.version}\n`);
  });

  it('the chart says the version of package.json, as its own and as that of the program and its image', () => {
    const chart = parse(read('helm/plexgate/Chart.yaml')) as Record<string, unknown> & {
      annotations: Record<string, string>;
    };
    expect([chart['version'], chart['appVersion']]).toEqual([packageJson.version, packageJson.version]);
    expect(chart.annotations['artifacthub.io/images']).toContain(`plexgate:${packageJson.version}\n`);
  });

  it('what shows how the chart is used names that version of it', () => {
    const example = parse(read('examples/sidecar-chart/Chart.yaml')) as { dependencies: object[] };
    expect(example.dependencies).toMatchObject([{ name: 'plexgate', version: packageJson.version }]);
    expect(read('docs/kubernetes.md')).toContain(`- name: plexgate\n    version: ${packageJson.version}\n`);
  });
});
