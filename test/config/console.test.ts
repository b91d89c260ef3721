import { expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';

const readFile = () => ({ kind: 'unreadable', why: 'is not there' }) as const;
const parse = (text: string) => parseConfig(text, { fileName: 'x.yaml', env: {}, readFile });

const DEFAULTS = { origin: null, idleMs: 1_800_000, longestMs: 43_200_000, trustedProxies: [] };
const NAMED = { ...DEFAULTS, origin: 'https://keys.example.com' };

it.each([
  ['is there on loopback', 'host: 127.0.0.1', DEFAULTS],
  ['is there where nothing is said, which is loopback', 'port: 8081', DEFAULTS],
  ['is not there beyond loopback', 'host: 0.0.0.0', null],
  ['is not there where it is off', 'console: off', null],
  [
    'is there beyond loopback by its name',
    'host: 0.0.0.0, console: { origin: https://keys.example.com }',
    NAMED,
  ],
  ['has an origin without a slash at its end', 'console: { origin: "https://KEYS.example.com:443/" }', NAMED],
  [
    'has a name of this machine over plain HTTP',
    'console: { origin: "http://localhost:8081" }',
    { ...DEFAULTS, origin: 'http://localhost:8081' },
  ],
])('the console %s', (_, written, expected) => {
  const parsed = parse(`keyService: { ${written} }`);
  expect(parsed).toMatchObject({ kind: 'config' });
  expect(parsed.kind === 'config' ? parsed.config.keyService?.console : undefined).toEqual(expected);
});

it.each([
  'http://keys.example.com',
  'https://keys.example.com/console',
  'https://user@keys.example.com',
  'keys.example.com',
  'javascript:alert(1)',
])('the origin of the console is not %s', (origin) => {
  expect(parse(`keyService: { console: { origin: "${origin}" } }`)).toMatchObject({ kind: 'mistakes' });
});
