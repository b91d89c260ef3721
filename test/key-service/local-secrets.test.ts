import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadLocalSecrets } from '../../src/key-service/local-secrets.ts';
import { testFolder } from './folder.ts';

function revealed(path: string) {
  const { serviceToken, adminToken, peppers } = loadLocalSecrets(path, randomBytes);
  const secrets = [...peppers.secrets].map(([id, secret]) => [id, secret.reveal()]);
  return { tokens: [serviceToken.reveal(), adminToken.reveal()], current: peppers.current, secrets };
}

describe('local secrets', () => {
  test('are made once, for their owner only, and read back ever after', () => {
    const folder = join(testFolder(), 'data');
    const path = join(folder, 'secrets.json');
    const made = revealed(path);
    expect(new Set([...made.tokens, made.secrets[0]?.[1]]).size).toBe(3);
    expect(made.tokens[0]).toMatch(/^[\w-]{43}$/);
    expect(made.current).toBe('p1');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(readdirSync(folder)).toEqual(['secrets.json']);
    const text = readFileSync(path, 'utf8');
    expect(revealed(path)).toEqual(made);
    expect(readFileSync(path, 'utf8')).toBe(text);
  });

  test('may name several peppers', () => {
    const path = join(testFolder(), 'secrets.json');
    const peppers = { current: 'p2', p1: 'one', p2: 'two' };
    writeFileSync(path, JSON.stringify({ serviceToken: 's', adminToken: 'a', peppers }), { mode: 0o600 });
    expect(revealed(path)).toEqual({
      tokens: ['s', 'a'],
      current: 'p2',
      secrets: [
        ['p1', 'one'],
        ['p2', 'two'],
      ],
    });
  });

  test.for([0o640, 0o604, 0o620, 0o601])(
    'that others can reach (%o) are refused, with the way out',
    (mode) => {
      const path = join(testFolder(), 'secrets.json');
      revealed(path);
      chmodSync(path, mode);
      expect(() => revealed(path)).toThrow(`chmod 600 ${path}`);
    },
  );

  const whole = { serviceToken: 's', adminToken: 'a', peppers: { current: 'p1', p1: 'canary' } };
  test.for([
    ['cut off', JSON.stringify(whole).slice(0, -10)],
    ['empty', ''],
    ['null', 'null'],
    ['without a token', JSON.stringify({ ...whole, adminToken: undefined })],
    ['with an empty token', JSON.stringify({ ...whole, serviceToken: '' })],
    ['without peppers', JSON.stringify({ ...whole, peppers: undefined })],
    ['without the current pepper', JSON.stringify({ ...whole, peppers: { current: 'p2', p1: 'canary' } })],
    [
      'with a pepper that is no text',
      JSON.stringify({ ...whole, peppers: { current: 'p1', p1: 'canary', p2: 7 } }),
    ],
    [
      'whose current pepper is a built-in name',
      JSON.stringify({ ...whole, peppers: { current: 'toString' } }),
    ],
  ])('that are damaged (%s) are refused and left alone', ([, text]) => {
    const path = join(testFolder(), 'secrets.json');
    writeFileSync(path, text ?? '', { mode: 0o600 });
    let message = '';
    try {
      revealed(path);
    } catch (error) {
      message = String(error);
    }
    expect(message).toContain(`${path} is damaged`);
    expect(message).not.toContain('canary');
    expect(readFileSync(path, 'utf8')).toBe(text);
  });

  test('made by two starts at once are those of one of them', () => {
    const path = join(testFolder(), 'secrets.json');
    let other: ReturnType<typeof revealed> | undefined;
    const first = loadLocalSecrets(path, (size) => {
      if (other === undefined && !existsSync(path)) other = revealed(path);
      return randomBytes(size);
    });
    expect(first.adminToken.reveal()).toBe(other?.tokens[1]);
    expect(revealed(path)).toEqual(other);
  });

  test('that cannot be written end the start, naming the file', () => {
    const folder = testFolder();
    writeFileSync(join(folder, 'file'), '');
    expect(() => revealed(join(folder, 'file', 'secrets.json'))).toThrow(
      /cannot (read|write) .*secrets\.json/,
    );
  });
});
