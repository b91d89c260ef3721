import type { LookupSource } from '../../core/decision.ts';
import type { KeyRecord } from '../../core/key.ts';
import type { Answer } from './knowledge.ts';
import { KeyServiceError } from './service-error.ts';

export type Lookup =
  | {
      readonly kind: 'found';
      readonly record: KeyRecord;
      /** By which the knowledge says, at any later moment, whether the record may still be used. */
      readonly answer: Answer;
      readonly source: LookupSource;
    }
  | { readonly kind: 'unknown'; readonly source: LookupSource }
  /** Nobody could be asked. It says nothing about the key and is not remembered. */
  | { readonly kind: 'unavailable'; readonly detail: string };

export function lookupOf(answer: Answer, source: LookupSource): Lookup {
  const { record } = answer;
  return record === null ? { kind: 'unknown', source } : { kind: 'found', record, answer, source };
}

/** Of other errors the name alone: nobody vouches for what their messages hold. */
export function detailOf(error: unknown): string {
  if (error instanceof KeyServiceError) return error.message;
  return error instanceof Error ? error.name : 'unknown error';
}
