import type { JsonSchema } from '../requests/json-schema.ts';
import { ref } from './schema.ts';

/** What the document says of one call beside what the table of calls knows. */
export interface Operation {
  readonly id: string;
  readonly tag: Tag;
  readonly summary: string;
  /** CommonMark. */
  readonly description?: string;
  /** What `:id` stands for. */
  readonly path?: string;
  readonly query?: JsonSchema;
  readonly body?: JsonSchema;
  readonly example?: object;
  /** By status. What every call of its kind may answer is added: 400, 401, 413, 415, 500. */
  readonly answers: Readonly<Record<number, DocumentedAnswer>>;
}

export type Tag =
  'gates' | 'members' | 'owners' | 'keys' | 'history' | 'operators' | 'plexe' | 'plexmcp' | 'health';

export interface DocumentedAnswer {
  readonly description: string;
  /** Null: a refusal, in the form of the call's API. */
  readonly schema: JsonSchema | null;
  readonly example?: object;
  readonly headers?: Readonly<Record<string, JsonSchema>>;
}

export type Operations = Readonly<Record<string, Operation>>;

export function ok(schema: JsonSchema, description = 'Done.', example?: object): DocumentedAnswer {
  return { description, schema, ...(example === undefined ? {} : { example }) };
}

export function refused(description: string): DocumentedAnswer {
  return { description, schema: null };
}

/** With the whole seconds after which the same call may be made again. */
export function later(description: string): DocumentedAnswer {
  const seconds = { description: 'Whole seconds to wait.', schema: { type: 'integer', minimum: 1 } };
  return { description, schema: null, headers: { 'Retry-After': seconds } };
}

export const INVALID = refused('A value that cannot be; `errors` names the fields.');

export function component(name: string, description?: string, example?: object): DocumentedAnswer {
  return ok(ref(name), description, example);
}
