import { z } from 'zod';

export type JsonSchema = Readonly<Record<string, unknown>>;

/** What a request of this schema may look like, as JSON Schema 2020-12. */
export function jsonSchemaOf(schema: z.ZodObject): JsonSchema {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io: 'input' });
  return json;
}
