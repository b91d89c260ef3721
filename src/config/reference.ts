import { needsRestart } from './live.ts';
import { fileSchema, type JsonSchema } from './json-schema.ts';

/** The page docs/config.md: every field of the YAML, from the same schema that checks it. */
export function configReference(): string {
  return `${[INTRODUCTION, ...sections('', fileSchema(), '')].join('\n\n')}\n`;
}

const INTRODUCTION = `# Configuration

<!-- Written by scripts/generate-docs.ts from src/config; edit the schema, not this page. -->

One YAML file, given with \`--config FILE\`. \`plexgate check --config FILE\` lists every mistake in it at once, with
line and column; \`plexgate schema\` prints its JSON Schema for editors. Unknown fields are mistakes, and so is
whatever this release does not do.

- **Secrets and variables.** \`\${NAME}\` in a value is replaced by that environment variable, \`\${file:PATH}\` by the
  file's content without the newline at its end. This happens after the YAML is read, so the text put in can change
  nothing but its own value. A variable or file that is missing is a mistake. What is put in is a text; where a number
  or a boolean is wanted, it may be one.
- **Durations** have a unit: \`250ms\`, \`10s\`, \`15m\`, \`1h\`, at most 24h.
- **Limits** are \`N/second\`, \`N/minute\`, \`N/hour\`, \`N/day\` or \`N/15m\` (\`s\`, \`m\`, \`h\`, \`d\`): at most N acceptances in
  any span of that length, up to 31 days.
- **Paths of files** are relative to the working directory.
- **Networks** are CIDR blocks such as \`10.0.0.0/8\` or \`fd00::/8\`; an address alone stands for itself.

## While it runs

The file is followed while the process runs, and with it the files that \`\${file:PATH}\` names: written in place, renamed
into their places, or behind a symbolic link that is swapped, as Kubernetes does with a ConfigMap or a Secret. A changed
file takes effect within two seconds, all of it at one moment, once two readings 200 ms apart agree. Requests that are
under way keep the routes and timeouts that they began with; limits hold from their next spending on, and what a window
has spent stays counted. No connection ends.

- **live** in the tables below says that a change takes effect so, **restart** that it waits for the next start. The log
  names the fields that wait, and \`plexgate_config_fields_pending\` counts them.
- Whether there is a \`proxy\`, a \`forwardAuth\`, a \`keyService\`, a \`proxy.keys.service\` or a \`proxy.keys.file\` at all waits for a restart.
- A file with a mistake is refused: the log has every mistake with line and column, as \`plexgate check\` has them,
  \`plexgate_config_last_reload_successful\` is 0, and the configuration before stays in force as a whole.
- Paths of certificates wait for a restart; the files behind them are followed, and so is \`proxy.keys.file\`. Environment
  variables are those of the start.
- The series of routes, tiers and upstreams that are gone leave \`/metrics\` when nothing is under way on them.

The environment variable \`PLEXMCP_SELF_HOSTED\` (\`true\` in any case, or \`1\`) lifts the limits of plexmcp's owners.`;

/** The section of a mapping and, after it, those of the mappings within. */
function sections(path: string, schema: JsonSchema, meaning: string): string[] {
  const fields = Object.entries(schema.properties ?? {});
  const rows = fields.map(([name, field]) =>
    row(path, name, field, schema.required?.includes(name) ?? false),
  );
  if (typeof schema.additionalProperties === 'object') {
    rows.push(row(path, 'any other name', schema.additionalProperties, false));
  }
  const heading = path === '' ? '## The file' : `## ${path}`;
  const table = ['| field | type | default | meaning | a change is |', '|---|---|---|---|---|', ...rows].join(
    '\n',
  );
  const own = [heading, ...(meaning === '' ? [] : [meaning]), table].join('\n\n');
  const below = fields.flatMap(([name, field]) => {
    const { mapping, suffix } = mappingWithin(field);
    return mapping === null ? [] : sections(fieldPath(path, name) + suffix, mapping, field.description ?? '');
  });
  return [own, ...below];
}

function fieldPath(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

/** The mapping a field is, holds a list of, or may be beside other forms; null where its fields need no section. */
function mappingWithin(field: JsonSchema): { readonly mapping: JsonSchema | null; readonly suffix: string } {
  if (field.properties !== undefined) return { mapping: field, suffix: '' };
  if (field.items?.properties !== undefined) return { mapping: field.items, suffix: '[]' };
  return { mapping: field.anyOf?.find((way) => way.properties !== undefined) ?? null, suffix: '' };
}

function row(path: string, name: string, field: JsonSchema, required: boolean): string {
  const { mapping, suffix } = mappingWithin(field);
  const type = typeOf(field);
  const linked = mapping === null ? type : `${type}, [below](#${anchor(fieldPath(path, name) + suffix)})`;
  const shownName = name.includes(' ') ? name : `\`${name}\``;
  const cells = [
    shownName,
    linked,
    required ? 'required' : fallback(field),
    field.description ?? '',
    changeOf(fieldPath(path, name)),
  ];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

/** When a change of the field takes effect; nothing where it depends on the fields within. */
function changeOf(path: string): string {
  const restart = needsRestart(path);
  return restart === 'some' ? '' : restart ? 'restart' : 'live';
}

/** As GitHub makes anchors of headings. */
function anchor(heading: string): string {
  return heading.toLowerCase().replace(/[^a-z0-9_ -]/g, '');
}

function fallback(field: JsonSchema): string {
  if (field.default === undefined) return '';
  // The defaults of a section stand in its own table.
  if (mappingWithin(field).mapping !== null && JSON.stringify(field.default) === '{}') return '';
  return `\`${inYaml(field.default)}\``;
}

/** A JSON value as one would write it in the YAML. */
function inYaml(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inYaml).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return String(value);
  const fields = Object.entries(value).map(([name, field]) => `${name}: ${inYaml(field)}`);
  return fields.length === 0 ? '{}' : `{ ${fields.join(', ')} }`;
}

const PLURALS: Record<string, string> = {
  'address with port': 'addresses with ports',
  limit: 'limits',
  mapping: 'mappings',
  method: 'methods',
  network: 'networks',
  secret: 'secrets',
};

function typeOf(field: JsonSchema): string {
  if (field.title !== undefined) return field.title;
  if (field.enum !== undefined) return field.enum.map((value) => `\`${String(value)}\``).join(', ');
  if (field.const !== undefined) return `\`${inYaml(field.const)}\``;
  if (field.anyOf !== undefined) return field.anyOf.map(typeOf).join(', or ');
  if (field.items !== undefined) return `list of ${PLURALS[typeOf(field.items)] ?? typeOf(field.items)}`;
  if (field.properties === undefined && typeof field.additionalProperties === 'object') {
    return `by name: ${typeOf(field.additionalProperties)}`;
  }
  return 'mapping';
}
