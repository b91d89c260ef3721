import { checkText, inFile, readText, unreadable } from './checked-text.ts';
import { crossChecks } from './checks.ts';
import type { Config } from './config.ts';
import { configOf } from './convert.ts';
import type { Sources } from './interpolate.ts';
import type { Mistake } from './mistake.ts';
import { configSchema } from './schema.ts';
import { warningsOf } from './warnings.ts';

export type Loaded =
  | {
      readonly kind: 'config';
      readonly config: Config;
      /** Legal, and probably not meant. */
      readonly warnings: readonly Mistake[];
      /** Paths of `${file:PATH}`, whose change is a change of the configuration. */
      readonly secretFiles: readonly string[];
    }
  | {
      readonly kind: 'mistakes';
      readonly mistakes: readonly Mistake[];
      readonly secretFiles: readonly string[];
    };

export interface ParseOptions extends Sources {
  /** How messages name the file. */
  readonly fileName: string;
}

/** The configuration in the file at `path`, or every mistake in it. Never throws. */
export function loadConfig(path: string, env: Sources['env'], readFile = readText): Loaded {
  const read = readFile(path);
  if (read.kind === 'unreadable') {
    return { kind: 'mistakes', mistakes: [unreadable(path, read.why)], secretFiles: [] };
  }
  return parseConfig(read.text, { fileName: path, env, readFile });
}

/** The configuration in `text`, or every mistake in it, in the order of the lines. Never throws. */
export function parseConfig(text: string, { fileName, env, readFile }: ParseOptions): Loaded {
  const files = new Set<string>();
  const sources: Sources = {
    env,
    readFile: (path) => {
      files.add(path);
      return readFile(path);
    },
  };
  const form = {
    holds: 'a mapping with proxy, keyService or both',
    sources,
    maxBytes: 1_000_000,
    maxValues: 100_000,
  };
  const checked = checkText(text, fileName, form, configSchema, crossChecks);
  const secretFiles = [...files];
  if (checked.kind === 'mistakes') return { ...checked, secretFiles };
  const config = configOf(checked.value, env);
  const warnings = inFile(fileName, warningsOf(config, checked.tree, env));
  return { kind: 'config', config, warnings, secretFiles };
}
