import { writeFileSync } from 'node:fs';
import { configReference } from '../src/config/reference.ts';

/** Pages that are made from the code. A test compares each with its file. */
export const GENERATED_PAGES: readonly (readonly [file: string, text: () => string])[] = [
  ['docs/config.md', configReference],
];

if (import.meta.main) {
  for (const [file, text] of GENERATED_PAGES) {
    writeFileSync(new URL(`../${file}`, import.meta.url), text());
  }
}
