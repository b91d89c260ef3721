import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parse } from 'yaml';
import { describe, expect, it } from 'vitest';
import { chartValues } from '../../scripts/chart-values.ts';
import { CHART, ROOT } from './helm.ts';

interface Node {
  readonly description?: string;
  readonly deprecated?: boolean;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly additionalProperties?: unknown;
}

const schema = JSON.parse(readFileSync(join(CHART, 'values.schema.json'), 'utf8')) as Node;
const standards = parse(readFileSync(join(CHART, 'values.yaml'), 'utf8')) as Record<string, unknown>;
const described = chartValues(pathToFileURL(`${ROOT}/`));

/** Paths of the schema: of its sections, which have no description, and of its values. */
function pathsOf(node: Node, path = ''): { values: string[]; sections: string[] } {
  if (node.description !== undefined) return { values: [path], sections: [] };
  const inner = Object.entries(node.properties ?? {})
    .filter(([, field]) => field.deprecated !== true)
    .map(([name, field]) => pathsOf(field, path === '' ? name : `${path}.${name}`));
  return {
    values: inner.flatMap(({ values }) => values),
    sections: [path, ...inner.flatMap(({ sections }) => sections)],
  };
}

function keysOf(value: unknown, known: ReadonlySet<string>, path = ''): string[] {
  if (known.has(path) || typeof value !== 'object' || value === null) return [path];
  return Object.entries(value).flatMap(([name, inner]) =>
    keysOf(inner, known, path === '' ? name : `${path}.${name}`),
  );
}

describe('the values', () => {
  const { values, sections } = pathsOf(schema);

  it('are the same in values.yaml, its descriptions, the schema and the README', () => {
    const paths = described.map(({ path }) => path).sort();
    const readme = readFileSync(join(CHART, 'README.md'), 'utf8').split('## Values')[1] ?? '';
    const rows = Array.from(readme.matchAll(/^\| `([\w.]+)` \|/gm), ([, path = '']) => path);
    expect(paths.length).toBeGreaterThan(150);
    expect(keysOf(standards, new Set(paths)).sort()).toEqual(paths);
    expect([...values].sort()).toEqual(paths);
    expect(rows.sort()).toEqual(paths);
  });

  it('are all known: no section takes another', () => {
    for (const path of sections) {
      const section = path
        .split('.')
        .reduce<Node | undefined>((node, name) => (name === '' ? node : node?.properties?.[name]), schema);
      expect([path, section?.additionalProperties]).toEqual([path, false]);
    }
    expect(sections.length).toBeGreaterThan(20);
  });

  it.each(described.map(({ path, description }) => [path, description]))(
    '%s is described in sentences',
    (_, description) => {
      expect(description).toMatch(/^[A-Z`/].*\.$/);
    },
  );

  it('let a parent chart say `global` and `enabled`', () => {
    expect(schema.properties).toHaveProperty('global');
    expect(schema.properties).toHaveProperty('enabled');
  });

  it('have no secret and no tag by default', () => {
    const named = described.filter(({ path }) =>
      /(?:[tT]oken|[pP]assword|pepper|database\.url|tag)$/.test(path),
    );
    expect(named.map(({ standard }) => standard)).toEqual(named.map(() => ''));
    expect(named.length).toBeGreaterThan(5);
  });
});

describe('Chart.yaml', () => {
  const chart = parse(readFileSync(join(CHART, 'Chart.yaml'), 'utf8')) as Record<string, unknown> & {
    annotations: Record<string, string>;
  };

  it('brings no Redis and no PostgreSQL of its own', () => {
    expect(chart).not.toHaveProperty('dependencies');
  });

  it('says what registries of charts show', () => {
    expect(chart).toMatchObject({ type: 'application', kubeVersion: '>=1.25.0-0' });
    for (const field of ['icon', 'home', 'sources', 'maintainers']) expect(chart).toHaveProperty(field);
    for (const name of ['changes', 'license', 'images']) {
      expect(chart.annotations).toHaveProperty([`artifacthub.io/${name}`]);
    }
  });
});
