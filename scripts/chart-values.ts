import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

/** The chart, from the root of the repository. */
export const CHART = 'helm/plexgate';

/** A value of the chart that is described; what lies below it is part of it. */
export interface ChartValue {
  /** Such as `image.tag`. */
  readonly path: string;
  readonly description: string;
  readonly standard: unknown;
}

const KEY = /^(?<indent> *)(?<name>[A-Za-z][A-Za-z0-9]*):(?: |$)/;
const DESCRIPTION = /^ *# -- (?<text>.+)$/;

/** Every described value of values.yaml, in its order. Throws where one is not described. */
export function chartValues(root: string | URL): readonly ChartValue[] {
  const text = readFileSync(new URL(`${CHART}/values.yaml`, root), 'utf8');
  const standards: unknown = parse(text);
  const described: ChartValue[] = [];
  const within: string[] = [];
  let description: string | null = null;
  for (const line of text.split('\n')) {
    description = DESCRIPTION.exec(line)?.groups?.['text'] ?? description;
    const key = KEY.exec(line)?.groups;
    if (key === undefined) continue;
    within.length = (key['indent'] ?? '').length / 2;
    within.push(key['name'] ?? '');
    const path = within.join('.');
    if (described.some((value) => path.startsWith(`${value.path}.`))) continue;
    const standard = valueAt(standards, within);
    if (description !== null) described.push({ path, description, standard });
    else if (!isSection(standard)) throw new Error(`${path} in values.yaml has no description`);
    description = null;
  }
  return described;
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce((outer, name) => (outer as Record<string, unknown>)[name], value);
}

function isSection(value: unknown): boolean {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0
  );
}
