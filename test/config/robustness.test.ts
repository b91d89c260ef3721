import { readdirSync, readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { effectiveConfig } from '../../src/config/effective.ts';
import { parseConfig } from '../../src/config/load.ts';
import { formatMistake } from '../../src/config/mistake.ts';
import { ENVIRONMENT } from './environment.ts';

const VALUE = 'value-of-the-secret';
const FOLDERS = ['config', 'test/config/good', 'test/config/bad'];
const FILES = FOLDERS.flatMap((folder) =>
  readdirSync(folder)
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => readFileSync(`${folder}/${file}`, 'utf8')),
);

/** Everything that may be printed of a text: its mistakes and warnings. */
function printed(text: string): string {
  const loaded = parseConfig(text, {
    fileName: 'x.yaml',
    env: { ...ENVIRONMENT, SECRET: VALUE },
    readFile: () => ({ kind: 'text', text: VALUE }),
  });
  if (loaded.kind === 'config') JSON.stringify(effectiveConfig(loaded.config));
  const shown = loaded.kind === 'config' ? loaded.warnings : loaded.mistakes;
  expect(loaded.kind === 'config' || shown.length > 0).toBe(true);
  return shown.map(formatMistake).join('\n');
}

const WORDS =
  'proxy keyService routes upstream tiers plexe peppers current echo ${SECRET} ${file:x} ${ } { [ ]';
const SIGNS =
  ': |:|, |- |\n|\n  |\n    |"|\'|&a |*a|*a, |!!str |!x |#|>|<<|---|...|%YAML 1.1\n|? |~|0x1|.inf|\t|\0';

/** Texts of YAML's own signs, which reach further into the parser than any others. */
const yamlLike = fc.array(fc.constantFrom(...WORDS.split(' '), ...SIGNS.split('|'), '|'), { maxLength: 40 });

const mutation = fc.record({
  file: fc.constantFrom(...FILES),
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  length: fc.integer({ min: 0, max: 12 }),
  put: fc.oneof(
    fc.string({ unit: 'binary', maxLength: 4 }),
    fc.constantFrom('${SECRET}', '${file:x}', '[', '{', '\n', ': ', '"', '- ', '&a ', '*a', '<<: '),
  ),
});

describe('reading a configuration', () => {
  it('never throws, whatever the text', () => {
    const anything = fc.string({ unit: 'binary', maxLength: 200 });
    const text = fc.oneof(
      anything,
      yamlLike.map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(text, (written) => {
        expect(printed(written)).not.toContain('value-of');
      }),
      { numRuns: 2000 },
    );
  });

  it('never throws and shows no interpolated value, however a file is damaged', () => {
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 1 }), fc.array(mutation), ([first], more) => {
        let text = first?.file ?? '';
        for (const { at, length, put } of [first, ...more].filter((change) => change !== undefined)) {
          const start = Math.floor(at * text.length);
          text = text.slice(0, start) + put + text.slice(start + length);
        }
        expect(printed(text)).not.toContain('value-of');
      }),
      { numRuns: 1000 },
    );
  });

  it('shows no interpolated value, wherever in a file it stands', () => {
    const scalar = /(?<=[:[,-] )["']?[\w/:.@${}-]+["']?/g;
    for (const file of FILES) {
      for (const { index, 0: value } of file.matchAll(scalar)) {
        const text = `${file.slice(0, index)}"\${SECRET}"${file.slice(index + value.length)}`;
        expect(printed(text)).not.toContain('value-of');
      }
    }
  });
});
