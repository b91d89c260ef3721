import type { JsonSchema } from '../requests/json-schema.ts';

/** Every field stands in every answer, but for those named in `optional`. More may be added later. */
export function object(
  properties: Readonly<Record<string, JsonSchema>>,
  optional: readonly string[] = [],
): JsonSchema {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: 'object', properties, required };
}

export function text(description: string, more: JsonSchema = {}): JsonSchema {
  return { type: 'string', description, ...more };
}

export function oneOf(values: readonly string[], description?: string): JsonSchema {
  return { type: 'string', enum: [...values], ...(description === undefined ? {} : { description }) };
}

export function instant(description: string): JsonSchema {
  return text(description, { format: 'date-time' });
}

export function wholeNumber(description: string, least = 0, more: JsonSchema = {}): JsonSchema {
  return { type: 'integer', minimum: least, description, ...more };
}

export function listOf(items: JsonSchema, more: JsonSchema = {}): JsonSchema {
  return { type: 'array', items, ...more };
}

export function flag(description: string): JsonSchema {
  return { type: 'boolean', description };
}

/** A text, a number or an instant that may be null. */
export function orNull(schema: JsonSchema): JsonSchema {
  return { ...schema, type: [schema['type'], 'null'] };
}

export function ref(name: string): JsonSchema {
  return { $ref: `#/components/schemas/${name}` };
}
