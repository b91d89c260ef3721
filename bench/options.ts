import { parseArgs } from 'node:util';

export interface Options {
  /** File that the result is written to as JSON; null: none. */
  readonly json: string | null;
  /** Writes docs/performance.md and its plot. */
  readonly page: boolean;
  readonly curves: boolean;
  /** Parts of the names of servers and cases; where there is one for either, others are left out. */
  readonly only: readonly string[];
  readonly rounds: number;
  readonly seconds: number;
}

export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      json: { type: 'string' },
      page: { type: 'boolean', default: false },
      curves: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true, default: [] },
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '3' },
    },
  });
  return {
    json: values.json ?? null,
    page: values.page,
    curves: values.curves,
    only: values.only,
    rounds: positive('--rounds', values.rounds),
    seconds: positive('--seconds', values.seconds),
  };
}

/** What of the named is asked for; words that name nothing here choose nothing. */
export function chosen<T extends { readonly name: string }>(all: readonly T[], only: readonly string[]): T[] {
  const named = all.filter(({ name }) => only.some((word) => name.includes(word)));
  return named.length > 0 ? named : [...all];
}

function positive(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`${option} takes a whole number from 1 on`);
  return value;
}
