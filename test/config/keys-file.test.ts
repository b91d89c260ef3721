import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readImportList } from '../../src/config/keys-file/import-list.ts';
import { parseConfig } from '../../src/config/load.ts';
import { parseKeysFileAside } from '../../src/config/keys-file/aside.ts';
import { parseKeysFile } from '../../src/config/keys-file/keys-file.ts';
import { formatMistake } from '../../src/config/mistake.ts';
import { digestOf } from '../../src/core/secret.ts';
import { readImport } from '../../src/key-service/drafts.ts';

const DIGEST = digestOf('one key of these tests');
const OTHER = digestOf('another key of these tests');

function read(text: string) {
  return parseKeysFile({ kind: 'text', text }, 'keys.yaml');
}

function mistakesIn(text: string): string[] {
  const found = read(text);
  return found.kind === 'mistakes' ? found.mistakes.map(formatMistake) : [];
}

const OWNER = 'owners: [{ id: acme, profile: standard, tier: default }]';
const ENTRY = 'owner: acme, name: first, profile: standard, permission: read_write';

/** A file with one key whose fields are those of `ENTRY`, then `more`. */
const withKey = (more: string) => `${OWNER}\nkeys:\n- { sha256: ${DIGEST}, ${ENTRY}${more} }\n`;

function onlyKey(text: string) {
  const found = read(text);
  if (found.kind === 'mistakes') throw new Error(mistakesIn(text).join('\n'));
  return [...found.keys.values()][0];
}

it('the examples of docs/keys.md are good', () => {
  const page = readFileSync('docs/keys.md', 'utf8');
  const examples = Array.from(page.matchAll(/^```yaml\n# (\S+)\n([^]*?)^```/gm), ([, name, text]) => {
    const written = { kind: 'text', text: text ?? '' } as const;
    if (name === 'keys.yaml') return [name, parseKeysFile(written, name).kind];
    if (name === 'list.yaml') return [name, readImportList(written, name, false).kind];
    const sources = { env: {}, readFile: () => ({ kind: 'unreadable', why: 'is not there' }) as const };
    return [name, parseConfig(written.text, { fileName: 'gate.yaml', ...sources }).kind];
  });
  expect(examples).toEqual([
    ['list.yaml', 'list'],
    ['gate.yaml', 'config'],
    ['keys.yaml', 'keys'],
  ]);
});

describe('a keys file', () => {
  it('gives each key its record, with a default for what it leaves out', () => {
    const found = read(withKey(''));
    expect(found.kind === 'keys' && [...found.keys]).toEqual([
      [
        DIGEST,
        {
          keyId: expect.stringMatching(/^key_[0-9a-f]{22}$/),
          name: 'first',
          profile: 'standard',
          owner: {
            id: 'acme',
            profile: 'standard',
            tier: 'default',
            enabled: true,
            workspace: null,
            limits: null,
          },
          permission: 'read_write',
          limits: [],
          mcps: '*',
          expiresAt: null,
          revoked: false,
        },
      ],
    ]);
  });

  it('takes every field that the import API has', () => {
    const more =
      ', key_id: k-1, expires_at: 2030-01-31T12:00:00+02:00, status: revoked, limits: [5/15m], mcps: [a, b, a]';
    expect(onlyKey(withKey(more))).toMatchObject({
      keyId: 'k-1',
      expiresAt: Date.UTC(2030, 0, 31, 10),
      revoked: true,
      limits: [{ quota: 5, windowMs: 900_000 }],
      mcps: ['a', 'b'],
    });
  });

  it('takes owners as the admin API lists them', () => {
    const owner = {
      id: 'acme',
      profile: 'plexe',
      tier: 'pro',
      enabled: false,
      workspace: null,
      limits: null,
    };
    const key = { sha256: DIGEST, owner: 'acme', name: 'n', profile: 'plexe', permission: 'read_only' };
    const text = JSON.stringify({ owners: [owner], keys: [key] }, null, '\t');
    expect(onlyKey(text)?.owner).toEqual(owner);
  });

  it('puts an owner of Plextera into the workspace of its own id, unless it names one', () => {
    const owned = (more: string) =>
      onlyKey(withKey('').replace('standard, tier', `plextera${more}, tier`))?.owner.workspace;
    expect([owned(''), owned(', workspace: W1'), owned(', workspace: null')]).toEqual(['acme', 'W1', null]);
  });

  it('gives a key without an id the same one after every reading, and no two keys one', () => {
    const id = (digest: string) => onlyKey(withKey('').replace(DIGEST, digest))?.keyId;
    expect(id(DIGEST)).toBe(id(DIGEST));
    expect(id(DIGEST)).not.toBe(id(OTHER));
    expect(DIGEST).not.toContain(id(DIGEST)?.slice(4));
  });

  it('may hold nobody', () => {
    expect(read('owners: []\nkeys: []')).toEqual({ kind: 'keys', keys: new Map() });
  });

  it('takes a text with ${ as it stands', () => {
    expect(onlyKey(withKey('').replace('first', '"${HOME}"'))?.name).toBe('${HOME}');
  });
});

const BAD: [string, string, string[]][] = [
  ['an empty file', '', ['1:1 the file is empty; allowed: a mapping with owners and keys']],
  ['a list', '- a', ['1:1 found a list; allowed: a mapping of keys, owners']],
  [
    'a field of the file that is not known',
    'owners: []\nkeys: []\nkyes: []',
    ['3:1 kyes: unknown field "kyes"; allowed: keys, owners; did you mean "keys"?'],
  ],
  [
    'missing lists',
    '{ }',
    ['1:1 keys: missing; allowed: a list of keys', '1:1 owners: missing; allowed: a list of owners'],
  ],
  [
    'no owners',
    `keys:\n- { sha256: ${DIGEST}, ${ENTRY} }`,
    ['1:1 owners: missing; allowed: a list of owners'],
  ],
  [
    'a key without a digest',
    `${OWNER}\nkeys: [{ ${ENTRY} }]`,
    ['2:8 keys[0].sha256: missing; allowed: the SHA-256 of the key as 64 lower-case hex digits'],
  ],
  [
    'a key in place of its digest',
    withKey('').replace(DIGEST, 'hunter2-in-clear'),
    ['3:13 keys[0].sha256: found (secret); allowed: the SHA-256 of the key as 64 lower-case hex digits'],
  ],
  [
    'a key beside its digest',
    withKey(', key: hunter2-in-clear'),
    [
      '3:153 keys[0].key: found a key in clear; allowed: its digest as sha256, which `plexgate keys hash` prints',
    ],
  ],
  [
    'a digest in capitals',
    withKey('').replace(DIGEST, DIGEST.toUpperCase()),
    ['3:13 keys[0].sha256: found (secret); allowed: the SHA-256 of the key as 64 lower-case hex digits'],
  ],
  [
    'an owner that is not there',
    withKey('').replace('owner: acme', 'owner: acne'),
    ['3:86 keys[0].owner: found "acne"; allowed: the id of one of the owners'],
  ],
  [
    'an owner given twice',
    withKey('').replace('owners: [', 'owners: [{ id: acme, profile: plexe, tier: pro }, '),
    ['1:57 owners[1].id: found that of owners[0], too; allowed: each once'],
  ],
  [
    'a digest given twice',
    `${withKey('')}- { sha256: ${DIGEST}, ${ENTRY} }`,
    ['4:13 keys[1].sha256: found that of keys[0], too; allowed: each once'],
  ],
  [
    'an id given twice',
    `${withKey(', key_id: k')}- { sha256: ${OTHER}, key_id: k, ${ENTRY} }`,
    ['4:87 keys[1].key_id: found that of keys[0], too; allowed: each once'],
  ],
  [
    'an instant without a zone',
    withKey(', expires_at: 2030-01-31T12:00:00'),
    [
      '3:160 keys[0].expires_at: found "2030-01-31T12:00:00"; allowed: an RFC 3339 instant with a zone, such as 2030-01-31T12:00:00Z',
    ],
  ],
  [
    'a status that follows from the date',
    withKey(', status: expired'),
    ['3:156 keys[0].status: found "expired"; allowed: active, revoked'],
  ],
  [
    'a permission that is not one',
    withKey('').replace('read_write', 'readwrite'),
    [
      '3:136 keys[0].permission: found "readwrite"; allowed: read_only, read_write; did you mean "read_write"?',
    ],
  ],
  [
    'a server id that is none',
    withKey(', mcps: [a, "b c"]'),
    ['3:158 keys[0].mcps[1]: found "b c"; allowed: a text of 1 to 128 of the characters A-Z a-z 0-9 . _ : -'],
  ],
];

describe('a broken keys file is refused with its mistakes', () => {
  it.each(BAD)('%s', (_, text, expected) => {
    expect(mistakesIn(text)).toEqual(expected.map((mistake) => `keys.yaml:${mistake}`));
    expect(mistakesIn(text).join('\n')).not.toContain('hunter2');
  });

  it('all of them at once, in the order of the lines', () => {
    const text = `${OWNER}\nkeys:\n- { sha256: 12, ${ENTRY}, ower: a }\n- { sha256: ${OTHER}, owner: acme, name: "" }\n- 3`;
    expect(mistakesIn(text).map((mistake) => /^keys\.yaml:\d+:\d+ \S+:/.exec(mistake)?.[0])).toEqual([
      'keys.yaml:3:13 keys[0].sha256:',
      'keys.yaml:3:86 keys[0].ower:',
      'keys.yaml:4:3 keys[1].permission:',
      'keys.yaml:4:3 keys[1].profile:',
      'keys.yaml:4:98 keys[1].name:',
      'keys.yaml:5:3 keys[2]:',
    ]);
  });
});

describe('what a keys file takes of a key is what the import API takes', () => {
  const TEXTS: [
    field: 'owner' | 'name' | 'key_id' | 'expires_at' | 'limits' | 'mcps' | 'permission',
    value: unknown,
  ][] = [
    ...['a', 'A.b_c:d-9', 'x'.repeat(128), 'x'.repeat(129), 'a b', 'ä', 'a/b', '..', ''].map(
      (value) => ['key_id', value] as ['key_id', string],
    ),
    ...['n', 'ä ö', ' ', '', 'a\u0000b', 'a\u2028b', 'x'.repeat(200), 'x'.repeat(201)].map(
      (value) => ['name', value] as ['name', string],
    ),
    ...[
      '2030-01-31T12:00:00Z',
      '2030-01-31t12:00:00.5z',
      '2030-02-30T12:00:00Z',
      '2030-01-31',
      '2030-01-31T24:00:00Z',
      '2030-01-31T12:00:00',
      '2001-01-01T00:00:00-08:00',
      '2030-13-01T00:00:00Z',
      'never',
    ].map((value) => ['expires_at', value] as ['expires_at', string]),
    ...[
      [],
      ['5/second'],
      ['5/fortnight'],
      Array.from({ length: 8 }, () => '1/m'),
      Array.from({ length: 9 }, () => '1/second'),
    ].map((value) => ['limits', value] as ['limits', string[]]),
    ...['*', 'all', [], ['a'], ['a b'], Array.from({ length: 257 }, (_, i) => `m${i}`)].map(
      (value) => ['mcps', value] as ['mcps', string | string[]],
    ),
    ...['read_only', 'read_write', 'write'].map((value) => ['permission', value] as ['permission', string]),
  ];

  it.each(TEXTS)('%s %j', (field, value) => {
    const key = {
      sha256: DIGEST,
      owner: 'acme',
      name: 'n',
      profile: 'standard',
      permission: 'read_only',
      [field]: value,
    };
    const owners = [{ id: 'acme', profile: 'standard', tier: 'default' }];
    const {
      expires_at: expiresAt,
      key_id: keyId,
      ...rest
    } = key as typeof key & { expires_at?: string; key_id?: string };
    const taken = readImport([{ ...rest, expiresAt, keyId }]).kind === 'valid';
    expect(read(JSON.stringify({ owners, keys: [key] })).kind).toBe(taken ? 'keys' : 'mistakes');
  });
});

it('reading in a thread of its own says the same, of good files and of bad ones', async () => {
  for (const text of [withKey(', limits: [5/15m], expires_at: 2030-01-31T12:00:00Z'), withKey(', ower: a')]) {
    const written = { kind: 'text', text } as const;
    expect(await parseKeysFileAside(written, 'keys.yaml')).toEqual(parseKeysFile(written, 'keys.yaml'));
  }
});
