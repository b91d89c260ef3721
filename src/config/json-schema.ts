import * as z from 'zod';
import { configSchema } from './schema.ts';

/** As much of JSON Schema as ours uses. */
export interface JsonSchema {
  readonly $schema?: string;
  readonly $defs?: Readonly<Record<string, JsonSchema>>;
  readonly $ref?: string;
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly writeOnly?: boolean;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: JsonSchema | boolean;
  readonly propertyNames?: JsonSchema;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
}

/** What the file may hold, with the field's type in words as `title`. */
export function fileSchema(): JsonSchema {
  const schema = z.toJSONSchema(configSchema, {
    io: 'input',
    target: 'draft-2020-12',
    unrepresentable: 'any',
  });
  return schema as JsonSchema;
}

/** The JSON Schema of the YAML, for editors: every scalar may also be written with `${...}`. */
export function configJsonSchema(): JsonSchema {
  const { $schema, ...file } = withInterpolation(fileSchema());
  return {
    ...($schema === undefined ? {} : { $schema }),
    title: 'Plexgate configuration',
    description: 'The YAML file that `plexgate run --config FILE` reads.',
    ...file,
    $defs: {
      interpolated: {
        description: '${NAME} of the environment or ${file:PATH}, replaced when the file is read.',
        type: 'string',
        pattern: '\\$\\{[^}]+\\}',
      },
    },
  };
}

/** Types that a text put in may become. */
const INTERPOLATED: ReadonlySet<string> = new Set(['integer', 'number', 'boolean']);

function withInterpolation(schema: JsonSchema): JsonSchema {
  return mapSchema(schema, (inner) => {
    const isText = inner.type === 'string' && (inner.pattern ?? inner.enum ?? inner.const) !== undefined;
    if (!isText && !INTERPOLATED.has(inner.type ?? '')) return inner;
    const { title, description, default: fallback, ...form } = inner;
    return {
      ...(title === undefined ? {} : { title }),
      ...(description === undefined ? {} : { description }),
      ...(fallback === undefined ? {} : { default: fallback }),
      anyOf: [form, { $ref: '#/$defs/interpolated' }],
    };
  });
}

/** `change` is applied from the leaves up; names of free mappings are no values and stay as they are. */
function mapSchema(schema: JsonSchema, change: (schema: JsonSchema) => JsonSchema): JsonSchema {
  const { properties, additionalProperties, items, anyOf } = schema;
  const inner = (below: JsonSchema) => mapSchema(below, change);
  return change({
    ...schema,
    ...(properties && {
      properties: Object.fromEntries(Object.entries(properties).map(([name, field]) => [name, inner(field)])),
    }),
    ...(typeof additionalProperties === 'object' && { additionalProperties: inner(additionalProperties) }),
    ...(items && { items: inner(items) }),
    ...(anyOf && { anyOf: anyOf.map(inner) }),
  });
}
