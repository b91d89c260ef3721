import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadConfig, parseConfig, type Loaded } from '../../src/config/load.ts';
import { formatMistake } from '../../src/config/mistake.ts';

const folder = mkdtempSync(join(tmpdir(), 'plexgate-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

const FILES: Record<string, string> = {
  'token.txt': 'token-of-a-file\n',
  'windows.txt': 'token-of-a-file\r\n',
};

function parse(text: string, env: Record<string, string> = {}): Loaded {
  return parseConfig(text, {
    fileName: 'x.yaml',
    env,
    readFile: (path) => {
      const found = FILES[path];
      return found === undefined
        ? { kind: 'unreadable', why: 'does not exist' }
        : { kind: 'text', text: found };
    },
  });
}

function mistakesIn(loaded: Loaded): string[] {
  return loaded.kind === 'mistakes' ? loaded.mistakes.map(formatMistake) : [];
}

function adminToken(text: string, env: Record<string, string> = {}): string | undefined {
  const loaded = parse(`keyService: ${text}`, env);
  return loaded.kind === 'config'
    ? loaded.config.keyService?.adminTokens?.[0]?.reveal()
    : mistakesIn(loaded)[0];
}

describe('interpolation', () => {
  it.each([
    ['a variable', '{ adminToken: "${T}" }', 'token-value'],
    ['a variable without quotes in flow style', '{ adminToken: ${T}, port: 1 }', 'token-value'],
    ['a variable within a text', '{ adminToken: "a-${T}-${T}" }', 'a-token-value-token-value'],
    ['a file, less the newline at its end', '{ adminToken: "${file:token.txt}" }', 'token-of-a-file'],
    ['a file with a Windows newline', '{ adminToken: ${file:windows.txt} }', 'token-of-a-file'],
    ['a value that looks like YAML', '{ adminToken: ${YAML} }', 'x:{[#"&*'],
    [
      'a value that looks like a reference, which is not followed',
      '{ adminToken: ${REFERENCE} }',
      '${T}-${T}',
    ],
    ['an anchored variable', '{ adminToken: &t "${T}", serviceToken: *t }', 'token-value'],
  ])('puts in %s', (_, text, token) => {
    expect(adminToken(text, { T: 'token-value', YAML: 'x:{[#"&*', REFERENCE: '${T}-${T}' })).toBe(token);
  });

  it('leaves comments and texts without a reference alone', () => {
    expect(adminToken('{ adminToken: "a$b-$$-{c}" } # ${NOT_SET}')).toBe('a$b-$$-{c}');
  });

  it('lets a number and a boolean come from it, where they are wanted', () => {
    const text = 'proxy: { port: "${P}", routes: [{ stripPath: "${S}", upstream: echo }] }\nkeyService: {}';
    const loaded = parse(text, { P: '0', S: 'false' });
    expect(loaded).toMatchObject({ config: { proxy: { port: 0, routes: [{ stripPath: false }] } } });
  });

  it('lets a boolean come from it also where a mapping is allowed', () => {
    const text = 'redis: { cluster: ["a:1"], tls: "${T}" }\nkeyService: {}';
    const tls = { ca: null, cert: null, key: null };
    expect(parse(text, { T: 'true' })).toMatchObject({ config: { redis: { tls } } });
    expect(parse(text, { T: 'false' })).toMatchObject({ config: { redis: { tls: null } } });
    expect(mistakesIn(parse(text, { T: 'yes' }))[0]).toContain(
      'redis.tls: found (secret); allowed: true, false',
    );
  });

  it('does not make a number of an interpolated text where a text is wanted', () => {
    expect(adminToken('{ adminToken: "${T}" }', { T: '12345678' })).toBe('12345678');
  });

  it('does not take a property of every object for a variable', () => {
    expect(adminToken('{ adminToken: "${constructor}" }')).toBe(
      'x.yaml:1:27 keyService.adminToken: environment variable "constructor" is not set; allowed: a variable that is set',
    );
  });

  it('names the files that were read, also those that are missing, so that they can be watched', () => {
    const text = 'keyService: { adminToken: "${file:token.txt}", serviceToken: "${file:gone.txt}" }';
    expect(parse(text).secretFiles).toEqual(['token.txt', 'gone.txt']);
  });
});

describe('a file', () => {
  it('that does not exist is a mistake', () => {
    expect(mistakesIn(loadConfig('test/config/absent.yaml', {}))).toEqual([
      'test/config/absent.yaml:1:1 the file does not exist; allowed: a file that can be read',
    ]);
  });

  it('that is a directory is a mistake', () => {
    expect(mistakesIn(loadConfig('test/config', {}))[0]).toContain('the file is a directory');
  });

  it('that is not UTF-8 is a mistake', () => {
    const path = join(folder, 'latin1.yaml');
    writeFileSync(path, Buffer.from('# caf\xe9\nkeyService: {}\n', 'latin1'));
    chmodSync(path, 0o600);
    expect(mistakesIn(loadConfig(path, {}))[0]).toContain('the file is no UTF-8 text');
  });

  it('of more than a megabyte is a mistake', () => {
    expect(mistakesIn(parse(`keyService: {}\n${'#'.repeat(1_000_000)}`))).toEqual([
      'x.yaml:1:1 found more than 1000000 bytes; allowed: at most as many',
    ]);
  });

  it.each([
    ['nested lists', '['.repeat(20_000)],
    ['nested mappings', 'a: {'.repeat(5000)],
    ['deep nesting that is closed', `keyService: ${'['.repeat(40)}${']'.repeat(40)}`],
    ['an alias within its own anchor', 'keyService: &a [*a, *a]'],
    [
      'aliases of aliases',
      Array.from({ length: 12 }, (_, i) => `k${i}: &k${i} [${`*k${i - 1},`.repeat(i === 0 ? 0 : 9)}1]`).join(
        '\n',
      ),
    ],
  ])('of %s is refused quickly', (_, text) => {
    const start = performance.now();
    expect(mistakesIn(parse(text)).length).toBeGreaterThan(0);
    expect(performance.now() - start).toBeLessThan(5000);
  });

  it.each([
    [`keyService: ${'['.repeat(33)}${']'.repeat(33)}`, 'nested too deeply; allowed: 32 levels'],
    ['keyService: &a [*a, *a]', 'nested too deeply; allowed: 32 levels'],
    [
      `a: &a 1\nb: [${'*a,'.repeat(1200)}]`,
      'found more than 100000 values with aliases written out; allowed: at most as many',
    ],
  ])('says which bound it passes', (text, bound) => {
    expect(mistakesIn(parse(text)).join('\n')).toContain(bound);
  });

  it('with a field named __proto__ has an unknown field', () => {
    expect(mistakesIn(parse('keyService: { __proto__: { port: 1 } }'))[0]).toContain(
      'unknown field "__proto__"',
    );
  });
});

describe('messages', () => {
  it('shorten a long text and leave out what looks like a key', () => {
    const key = ['plx', 'sk', 'x'.repeat(36)].join('_');
    const [long, keyLike] = mistakesIn(
      parse(`admin: { host: "${'h/'.repeat(100)}" }\nkeyService: { host: "${key}/" }`),
    );
    expect(long).toContain(`found "${'h/'.repeat(30)}…"`);
    expect(keyLike).toContain('found "[redacted]/"');
  });

  it.each([
    ['http://user:hunter2@host/', 'http://(secret)@host/'],
    ['redis://user:hun@ter2@host', 'redis://(secret)@host'],
    ['redis://host?password=hunter2', 'redis://host?(secret)'],
    ['redis:user:hunter2@host', 'redis:(secret)@host'],
    ['redis://user:hunter2', 'redis://user:(secret)'],
    ['postgres://user:hunter2/keys', 'postgres://user:(secret)'],
    ['postgres://user:20261122/keys', 'postgres://user:(secret)'],
    ['ftp://host:21/path', 'ftp://host:21/path'],
    ['ftp://host:21#top', 'ftp://host:21#top'],
    ['ftp://[::1]:21', 'ftp://[::1]:21'],
    ['ftp://[::1]/path', 'ftp://[::1]/path'],
  ])('show %s as %s', (url, shown) => {
    expect(mistakesIn(parse(`redis: { url: "${url}" }\nkeyService: {}`))[0]).toContain(`found "${shown}"`);
  });

  it('suggest nothing for an interpolated value, which the suggestion would tell', () => {
    expect(mistakesIn(parse('keyService: {}\nlog: { level: "${L}" }', { L: 'debgu' }))).toEqual([
      'x.yaml:2:15 log.level: found (secret); allowed: fatal, error, warn, info, debug, trace, silent',
    ]);
  });

  it('quote a field name that is no plain name', () => {
    expect(mistakesIn(parse('"a b": 1\nkeyService: {}'))).toEqual([
      'x.yaml:1:1 ["a b"]: unknown field "a b"; allowed: admin, forwardAuth, keyService, log, proxy, redis, tracing',
    ]);
  });

  it('point at the anchor when the value behind an alias is wrong', () => {
    const text = 'admin: { port: &p 70000 }\nkeyService: { port: *p }';
    expect(mistakesIn(parse(text)).map((line) => line.split(' ', 2).join(' '))).toEqual([
      'x.yaml:1:19 admin.port:',
      'x.yaml:1:19 keyService.port:',
    ]);
  });
});

describe('warnings', () => {
  const warningsIn = (text: string, env: Record<string, string> = {}) => {
    const loaded = parse(text, env);
    return loaded.kind === 'config' ? loaded.warnings.map(formatMistake) : mistakesIn(loaded);
  };
  const GATE = 'proxy: { routes: [{ upstream: echo }] }\nkeyService: {}\n';

  it.each([
    ['nothing', GATE, {}, []],
    [
      'an admin port off loopback without a token',
      `admin: { host: 0.0.0.0 }\n${GATE}`,
      {},
      [
        'x.yaml:1:16 admin.host: off loopback without admin.token only /livez, /readyz, /metrics and /jwks answer',
      ],
    ],
    [
      'a trusted proxy that is everybody',
      'proxy: { trustedProxies: [10.0.0.0/8, 0.0.0.0/0], routes: [{ upstream: echo }] }\nkeyService: {}\n',
      {},
      [
        'x.yaml:1:39 proxy.trustedProxies[1]: every client is a trusted proxy and may name any client address',
      ],
    ],
    [
      'tokens of a key service alone that nobody else knows',
      'keyService: { adminToken: 12345678x }',
      {},
      [
        'x.yaml:1:1 keyService.serviceToken: absent; one is made at first start and kept in secrets.json beside the store, where other processes have to read it',
      ],
    ],
    [
      'what depends on Redis, and there is none',
      'proxy:\n  keys: { staleIfError: 1s }\n  limits: { whenRedisIsDown: share }\n  routes: [{ upstream: echo }]\nkeyService: {}\n',
      {},
      [
        'x.yaml:2:25 proxy.keys.staleIfError: has no effect without redis',
        'x.yaml:3:30 proxy.limits.whenRedisIsDown: has no effect without redis',
      ],
    ],
    [
      'the same with Redis',
      'redis: { url: redis://h }\nproxy:\n  keys: { staleIfError: 1s }\n  limits: { whenRedisIsDown: share }\n  routes: [{ upstream: echo }]\nkeyService: {}\n',
      {},
      [],
    ],
    [
      'no time without the key service, which is so without Redis',
      'proxy: { keys: { staleIfError: 0s }, routes: [{ upstream: echo }] }\nkeyService: {}\n',
      {},
      [],
    ],
    [
      'PLEXMCP_SELF_HOSTED with a value of no effect',
      GATE,
      { PLEXMCP_SELF_HOSTED: 'yes' },
      [
        'x.yaml:1:1 proxy: PLEXMCP_SELF_HOSTED is set to something else than true or 1, so the limits of plexmcp hold',
      ],
    ],
  ])('say of %s what follows', (_, text, env: Record<string, string>, warnings) => {
    expect(warningsIn(text, env)).toEqual(warnings);
  });
});

describe('ports', () => {
  const clash = (admin: string, gate: string, port = 8000) =>
    mistakesIn(
      parse(
        `admin: { host: "${admin}", port: ${port} }\nproxy: { host: "${gate}", port: ${port}, routes: [{ upstream: echo }] }\nkeyService: {}`,
      ),
    ).length > 0;

  it.each([
    ['127.0.0.1', '127.0.0.1', true],
    ['127.0.0.1', '0.0.0.0', true],
    ['::1', '::', true],
    ['localhost', '127.0.0.1', true],
    ['LOCALHOST', '::1', true],
    ['127.0.0.1', '::1', false],
    ['127.0.0.1', '127.0.0.2', false],
    ['10.0.0.1', '127.0.0.1', false],
  ])('one port on %s and %s clashes: %s', (admin, gate, clashes) => {
    expect(clash(admin, gate)).toBe(clashes);
  });

  it('any free port never clashes', () => {
    expect(clash('127.0.0.1', '127.0.0.1', 0)).toBe(false);
  });
});
