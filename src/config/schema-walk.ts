import * as z from 'zod';

/** What the schema says about one place of the file. */
export interface SchemaPlace {
  /** Names of the mapping's fields, sorted; empty where it is none, or where names are free. */
  readonly names: readonly string[];
  /** Names of fields that are refused by name. */
  readonly refusedNames: readonly string[];
  readonly secret: boolean;
}

/** What `schema` says about the value at `path`. */
export function schemaAt(schema: z.core.$ZodType, path: readonly PropertyKey[]): SchemaPlace {
  let layers = layersOf(schema);
  let secret = isSecret(layers);
  for (const step of path) {
    layers = layers.flatMap((layer) => below(layer, step)).flatMap(layersOf);
    secret ||= isSecret(layers);
  }
  const fields = layers.flatMap((layer) => (layer instanceof z.ZodObject ? Object.entries(layer.shape) : []));
  const isRefused = ([, field]: [string, z.core.$ZodType]) => metaOf(field)['refused'] === true;
  const named = (entries: [string, z.core.$ZodType][]) => entries.map(([name]) => name);
  return {
    names: named(fields.filter((field) => !isRefused(field))).sort(),
    refusedNames: named(fields.filter(isRefused)),
    secret,
  };
}

/** The schema and all that it wraps: what it is optional for, what it transforms, each way of a union. */
function layersOf(schema: z.core.$ZodType): z.core.$ZodType[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodPrefault) {
    return [schema, ...layersOf(schema.unwrap())];
  }
  if (schema instanceof z.ZodPipe) return [schema, ...layersOf(schema.in)];
  if (schema instanceof z.ZodUnion) return [schema, ...schema.options.flatMap(layersOf)];
  return [schema];
}

function below(schema: z.core.$ZodType, step: PropertyKey): z.core.$ZodType[] {
  if (schema instanceof z.ZodArray) return [schema.element];
  if (schema instanceof z.ZodRecord) return [schema.valueType];
  if (!(schema instanceof z.ZodObject)) return [];
  const field = (schema.shape as Record<PropertyKey, z.core.$ZodType>)[step] ?? schema.def.catchall;
  return field === undefined ? [] : [field];
}

function isSecret(layers: readonly z.core.$ZodType[]): boolean {
  return layers.some((layer) => metaOf(layer)['writeOnly'] === true);
}

function metaOf(schema: z.core.$ZodType): Record<string, unknown> {
  return z.globalRegistry.get(schema) ?? {};
}
