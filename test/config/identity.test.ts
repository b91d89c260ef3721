import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { effectiveConfig } from '../../src/config/effective.ts';
import { parseConfig, type Loaded } from '../../src/config/load.ts';
import { formatMistake } from '../../src/config/mistake.ts';
import { newIdentityKey, newSharedSecret, privatePem } from '../support/identity-keys.ts';

const [FIRST, SECOND] = [await newIdentityKey(), await newIdentityKey()];
const SECRET = newSharedSecret();

const FILES: Record<string, string> = {
  first: FIRST.text,
  second: SECOND.text,
  'first.pub': FIRST.publicText,
  rsa: privatePem(generateKeyPairSync('rsa', { modulusLength: 1024 })),
  secret: `${SECRET}\n`,
  next: newSharedSecret(),
};

/** A configuration with this section and route, each on a line of its own. */
function load(identity: string, route = 'upstream: echo, audience: orders'): Loaded {
  const text = `keyService: {}\nproxy:\n${identity}\n  routes: [{ ${route} }]\n`;
  return parseConfig(text, {
    fileName: 'gate.yaml',
    env: {},
    readFile: (path) => {
      const held = FILES[path];
      return held === undefined
        ? { kind: 'unreadable', why: 'does not exist' }
        : { kind: 'text', text: held };
    },
  });
}

function mistakesOf(loaded: Loaded): string[] {
  const texts = loaded.kind === 'mistakes' ? loaded.mistakes.map(formatMistake) : ['no mistake'];
  for (const held of Object.values(FILES)) expect(texts.join()).not.toContain(held.trim().slice(-40));
  return texts;
}

const ED25519 = 'for EdDSA an Ed25519 key in PEM, as `openssl genpkey -algorithm ed25519` makes it';
const SHARED = 'for HS256 a secret of 32 to 512 visible ASCII characters without spaces';

describe('keys that sign who is calling', () => {
  it('need nothing beside them', () => {
    const loaded = load("  identity: { keys: ['${file:first}', '${file:second}'] }");
    if (loaded.kind !== 'config') throw new Error(mistakesOf(loaded).join('\n'));
    expect(loaded.warnings).toEqual([]);
    expect(loaded.secretFiles).toEqual(['first', 'second']);
    const { proxy } = effectiveConfig(loaded.config) as { proxy: { identity: object; routes: object[] } };
    expect(proxy.identity).toEqual({
      header: 'X-Plexgate-Identity',
      issuer: 'plexgate',
      lifetime: '30s',
      algorithm: 'EdDSA',
      keys: ['[redacted]', '[redacted]'],
    });
    expect(proxy.routes).toMatchObject([{ audience: 'orders' }]);
  });

  it('may be a secret, and public ones behind the first', () => {
    expect(load('  identity: { algorithm: HS256, keys: ["${file:secret}"] }').kind).toBe('config');
    expect(load('  identity: { keys: ["${file:second}", "${file:first.pub}"] }').kind).toBe('config');
  });

  it.each([
    [
      'a public key that should sign',
      '["${file:first.pub}"]',
      22,
      'found a public key; allowed: a private one, since the first signs',
    ],
    ['an RSA key', '["${file:rsa}"]', 22, `found a key of the type rsa; allowed: ${ED25519}`],
    ['a secret', '["${file:secret}"]', 22, `found no key in PEM; allowed: ${ED25519}`],
    [
      'one key twice',
      '["${file:first}", "${file:first.pub}"]',
      39,
      'found the key of proxy.identity.keys[0]; allowed: each once',
    ],
    [
      'a file that is not there',
      '["${file:gone}"]',
      22,
      'file "gone" does not exist; allowed: a file that can be read',
    ],
    ['no key at all', '[]', 15, 'found an empty list; allowed: a list of at least one key'],
    ['one key for a list', '"${file:first}"', 21, 'found (secret); allowed: a list of at least one key'],
  ])('%s is a mistake with its place', (_, keys, column, what) => {
    const texts = mistakesOf(load(`  identity: { keys: ${keys} }`));
    expect(texts).toEqual([
      expect.stringMatching(new RegExp(`^gate\\.yaml:3:${column} proxy\\.identity\\.keys`)),
    ]);
    expect(texts[0]).toContain(what);
  });

  it.each([
    ['a key in PEM', '["${file:first.pub}"]', `found a key in PEM; allowed: ${SHARED}`],
    ['a short secret', '[short]', `found another text; allowed: ${SHARED}`],
    ['a second secret', '["${file:secret}", "${file:next}"]', 'found a further key; allowed: one with HS256'],
  ])('%s is a mistake with HS256', (_, keys, what) => {
    const texts = mistakesOf(load(`  identity: { algorithm: HS256, keys: ${keys} }`));
    expect(texts).toEqual([expect.stringContaining(what)]);
  });
});

describe('what stands around the keys', () => {
  const KEYS = 'keys: ["${file:first}"]';

  it.each([
    [
      'a header of the connection',
      `{ header: Transfer-Encoding, ${KEYS} }`,
      /3:23 proxy\.identity\.header: found "Transfer-Encoding"; allowed: a header name such as X-Plexgate-Identity/,
    ],
    [
      'a credential header',
      `{ header: authorization, ${KEYS} }`,
      /found "authorization"; allowed: a header name/,
    ],
    [
      'another identity header, in another spelling',
      `{ header: x_key_id, ${KEYS} }`,
      /found "x_key_id"; allowed: a header name/,
    ],
    [
      'a lifetime that is too short',
      `{ lifetime: 1s, ${KEYS} }`,
      /3:25 proxy\.identity\.lifetime: found "1s"; allowed: .*at least 5s, at most 5m/,
    ],
    ['an algorithm that is none', `{ algorithm: none, ${KEYS} }`, /found "none"; allowed: EdDSA, HS256/],
    ['an empty issuer', `{ issuer: '', ${KEYS} }`, /proxy\.identity\.issuer: found an empty text/],
  ])('%s is a mistake', (_, section, expected) => {
    expect(mistakesOf(load(`  identity: ${section}`))).toEqual([expect.stringMatching(expected)]);
  });

  it.each([
    [
      'an audience without keys',
      '',
      'upstream: echo, audience: orders',
      /4:\d+ proxy\.routes\[0\]\.audience: found an audience, but no proxy\.identity/,
    ],
    [
      'an audience of the key service',
      `  identity: { ${KEYS} }`,
      'upstream: key-service, profile: plexe, audience: orders',
      /found on a route to key-service/,
    ],
    [
      'a credential in the same header',
      `  identity: { header: X-Who, ${KEYS} }`,
      'upstream: echo, audience: a, credential: { header: x_who }',
      /found the header of proxy\.identity; allowed: another one/,
    ],
  ])('%s is a mistake', (_, section, route, expected) => {
    expect(mistakesOf(load(section, route))).toEqual([expect.stringMatching(expected)]);
  });

  it.each([
    [
      'no audience anywhere',
      'upstream: echo',
      'proxy.identity: no route has an audience, so that nothing is signed',
    ],
    [
      'an audience of an open route',
      'upstream: echo, auth: none, audience: a',
      'proxy.routes[0].audience: has no effect on an open route, since nobody is known there',
    ],
  ])('%s is told', (_, route, expected) => {
    const loaded = load(`  identity: { ${KEYS} }`, route);
    const warnings = loaded.kind === 'config' ? loaded.warnings.map(({ text }) => text) : mistakesOf(loaded);
    expect(warnings).toContain(expected);
  });

  it('an audience of a route with one closed path stands', () => {
    const route = 'upstream: echo, auth: none, audience: a, rules: [{ path: /in, auth: required }]';
    expect(load(`  identity: { ${KEYS} }`, route)).toMatchObject({ kind: 'config', warnings: [] });
  });
});
