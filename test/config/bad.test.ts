import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { formatMistake } from '../../src/config/mistake.ts';
import { ENVIRONMENT } from './environment.ts';

const FOLDER = 'test/config/bad';

const names = (extension: string) =>
  readdirSync(FOLDER)
    .filter((file) => file.endsWith(extension))
    .map((file) => basename(file, extension));

describe('a file with mistakes is refused with all of them', () => {
  it.each(names('.yaml'))('%s', (name) => {
    const loaded = loadConfig(`${FOLDER}/${name}.yaml`, ENVIRONMENT);
    const written = loaded.kind === 'mistakes' ? loaded.mistakes.map(formatMistake) : ['no mistake'];
    expect(`${written.join('\n')}\n`).toBe(readFileSync(`${FOLDER}/${name}.txt`, 'utf8'));
    expect(written.join('\n')).not.toMatch(/value-of|hunter2/);
  });

  it('every bad file has its messages, and every message its file', () => {
    expect(names('.yaml')).toEqual(names('.txt'));
    expect(names('.yaml').length).toBeGreaterThanOrEqual(90);
  });
});
