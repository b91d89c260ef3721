import { readFileSync } from 'node:fs';
import { configJsonSchema } from '../src/config/json-schema.ts';
import { VALUE_TYPES, type Schema } from './chart-value-types.ts';
import { CHART, chartValues } from './chart-values.ts';

const ROOT = new URL('../', import.meta.url);

/**
 * helm/plexgate/values.schema.json: the sections and descriptions of values.yaml, a type for each value, and of
 * plexgate.yaml the sections `proxy` and `tracing`. Throws where values.yaml and the types do not name the same values.
 */
export function chartSchema(): string {
  const root = section('', VALUE_TYPES, new Map(chartValues(ROOT).map((value) => [value.path, value])));
  const properties = { ...(root['properties'] as Schema), ...renamedValues() };
  const schema = {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Values of the chart plexgate',
    ...root,
    properties,
    definitions: configDefinitions(),
  };
  return `${JSON.stringify(schema, null, 2)}\n`;
}

type Described = ReadonlyMap<string, { readonly description: string }>;

function section(path: string, types: Schema, described: Described): Schema {
  const properties: Record<string, Schema> = {};
  for (const [name, type] of Object.entries(types)) {
    const inner = path === '' ? name : `${path}.${name}`;
    const value = described.get(inner);
    const isSection = [...described.keys()].some((other) => other.startsWith(`${inner}.`));
    if (value === undefined && !isSection) throw new Error(`${inner} has a type, but is not in values.yaml`);
    properties[name] =
      value === undefined
        ? section(inner, type as Schema, described)
        : { description: value.description, ...(type as Schema) };
  }
  for (const known of described.keys()) {
    const name = nameWithin(path, known);
    if (name !== null && !(name in properties)) throw new Error(`${known} is in values.yaml without a type`);
  }
  const isBudget = path === 'pdb' || path.endsWith('.pdb');
  return { type: 'object', properties, additionalProperties: false, ...(isBudget && { oneOf: ONE_BUDGET }) };
}

/** The next name of `known` below the section, or null where it is elsewhere. */
function nameWithin(path: string, known: string): string | null {
  const prefix = path === '' ? '' : `${path}.`;
  return known.startsWith(prefix) ? (known.slice(prefix.length).split('.')[0] ?? null) : null;
}

const UNSAID = { type: 'null' };

/** A budget says how many may be away, or how many must be there, or nothing. */
const ONE_BUDGET = [
  { properties: { minAvailable: UNSAID } },
  { required: ['minAvailable'], properties: { minAvailable: { not: UNSAID }, maxUnavailable: UNSAID } },
];

/** Allowed here, so that the chart can refuse them with the name that it has for them. */
function renamedValues(): Schema {
  const text = readFileSync(new URL(`${CHART}/templates/_checks.tpl`, ROOT), 'utf8');
  const [, table = ''] = /define "plexgate\.renamed"([\s\S]*?)toJson/.exec(text) ?? [];
  const names = Array.from(table.matchAll(/"([\w.]+)" "([\w.]+)"/g), ([, old = '', now = '']) => [old, now]);
  return Object.fromEntries(
    names.map(([old, now]) => [old, { description: `Called ${now} in this chart.`, deprecated: true }]),
  );
}

/** What the chart itself writes into the section. */
const OWN_FIELDS = ['host', 'port', 'drain'];
const OWN_KEY_FIELDS = ['service', 'file'];

function configDefinitions(): Schema {
  const { properties, $defs } = configJsonSchema() as unknown as {
    properties: { proxy: Section; tracing: Section };
    $defs: Schema;
  };
  const { keys, routes, ...others } = without(properties.proxy.properties, OWN_FIELDS);
  const proxy = {
    description: 'The section `proxy` of plexgate.yaml.',
    type: 'object',
    properties: {
      ...others,
      keys: { ...keys, properties: without((keys as Section).properties, OWN_KEY_FIELDS) },
      routes: { ...routes, minItems: 0 },
    },
    additionalProperties: false,
  };
  // Empty in the values, as it is where nothing is traced.
  const tracing = { anyOf: [{ type: 'object', maxProperties: 0 }, properties.tracing] };
  return forHelm({ interpolated: $defs['interpolated'], proxy, tracing }) as Schema;
}

interface Section extends Schema {
  readonly properties: Record<string, Schema>;
}

function without(properties: Record<string, Schema>, names: readonly string[]): Record<string, Schema> {
  return Object.fromEntries(Object.entries(properties).filter(([name]) => !names.includes(name)));
}

/** Draft 7, and patterns in the syntax that JavaScript and Go share. */
function forHelm(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(forHelm);
  if (typeof value === 'string')
    return value.replace('#/$defs/', '#/definitions/').replaceAll(/\\u00([0-9a-f]{2})/g, '\\x$1');
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, forHelm(inner)]));
}
