import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestOf } from '../../src/core/secret.ts';
import { whileOthersAsk } from '../support/while-others-ask.ts';
import { startGateProcess, until, type RunningProgram } from './running-program.ts';

const KEYS = Object.fromEntries(
  ['stays', 'swapped', 'written', 'renamed', 'revoked'].map((name) => [
    name,
    randomBytes(16).toString('hex'),
  ]),
);
const CONFIG = `
admin: { port: 0 }
proxy:
  host: 127.0.0.1
  port: 0
  drain: { delay: 0s, timeout: 1s }
  keys: { file: mount/keys.yaml }
  routes: [{ upstream: echo }]
`;

let folder: string;
let mount: string;
let program: RunningProgram;

/** The file with these keys, of which some are revoked. */
function fileOf(names: readonly string[], revoked: readonly string[] = []): string {
  const entry = (name: string) =>
    `- { sha256: ${digestOf(KEYS[name] ?? '')}, owner: acme, name: ${name}, profile: standard, permission: read_only, status: ${revoked.includes(name) ? 'revoked' : 'active'} }`;
  return `owners:\n- { id: acme, profile: standard, tier: default }\nkeys:\n${names.map(entry).join('\n')}\n`;
}

/** What Kubernetes does with a ConfigMap: a new directory, then the link `..data` swapped to it by a rename. */
function swap(version: number, text: string): void {
  mkdirSync(join(mount, `..${version}`));
  writeFileSync(join(mount, `..${version}/keys.yaml`), text);
  symlinkSync(`..${version}`, join(mount, '..data_tmp'));
  renameSync(join(mount, '..data_tmp'), join(mount, '..data'));
}

async function ask(name: string): Promise<{ status: number; reason: string | undefined }> {
  const response = await fetch(program.gate, { headers: { 'x-api-key': KEYS[name] ?? '' } });
  const { reason } = (await response.json()) as { reason?: string };
  return { status: response.status, reason };
}

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`${program.admin}/metrics`)).text();
  return Number(new RegExp(`^plexgate_keys_file_last_reload_${name} (.+)$`, 'm').exec(text)?.[1]);
}

/** Makes a change and waits until the gate says that it has judged it. */
async function change(make: () => void, successful: 0 | 1): Promise<void> {
  const before = await metric('success_timestamp_seconds');
  make();
  const judged = async () =>
    (await metric('successful')) === successful &&
    (successful === 0 || (await metric('success_timestamp_seconds')) > before);
  await until(judged, () => program.log());
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'plexgate-'));
  mount = join(folder, 'mount');
  mkdirSync(mount);
  swap(1, fileOf(Object.keys(KEYS)));
  symlinkSync('..data/keys.yaml', join(mount, 'keys.yaml'));
  writeFileSync(join(folder, 'gate.yaml'), CONFIG);
  program = await startGateProcess('gate.yaml', folder);
});

afterAll(async () => {
  await program.stop();
  rmSync(folder, { recursive: true });
});

describe('a key that leaves the keys file', () => {
  // One after the other: a rename puts a file where the link was.
  it.each([
    ['by a swap of the link', 'swapped', ['written', 'renamed'], (text: string) => swap(2, text)],
    [
      'by a write in place',
      'written',
      ['renamed'],
      (text: string) => writeFileSync(join(mount, 'keys.yaml'), text),
    ],
    [
      'by a rename',
      'renamed',
      [],
      (text: string) => {
        writeFileSync(join(mount, 'next.yaml'), text);
        renameSync(join(mount, 'next.yaml'), join(mount, 'keys.yaml'));
      },
    ],
  ])('%s is refused from then on, and no other request fails', async (_, leaving, left, write) => {
    const wrong = await whileOthersAsk(
      () => ask('stays'),
      async () => {
        expect(await ask(leaving)).toMatchObject({ status: 200 });
        await change(() => write(fileOf(['stays', 'revoked', ...left])), 1);
        expect(await ask(leaving)).toEqual({ status: 401, reason: 'unknown_key' });
        for (const name of left) expect(await ask(name)).toMatchObject({ status: 200 });
      },
    );
    expect(wrong).toEqual([]);
  });
});

it('a key whose status becomes revoked is refused as revoked', async () => {
  expect(await ask('revoked')).toMatchObject({ status: 200 });
  await change(() => writeFileSync(join(mount, 'keys.yaml'), fileOf(['stays', 'revoked'], ['revoked'])), 1);
  expect(await ask('revoked')).toEqual({ status: 401, reason: 'revoked_key' });
});

it('a broken file is refused with its mistakes in the log, and the keys before stay', async () => {
  const good = fileOf(['stays', 'swapped']);
  const wrong = await whileOthersAsk(
    () => ask('stays'),
    async () => {
      await change(() => writeFileSync(join(mount, 'keys.yaml'), `${good}- { sha256: 12 }\nower: a\n`), 0);
      expect(await ask('swapped')).toMatchObject({ status: 401 });
      await until(
        () => program.log().includes('keys file refused'),
        () => program.log(),
      );
      expect(program.log()).toContain('"detail":"mount/keys.yaml:6:13 keys[2].sha256: found (secret);');
      expect(program.log()).toContain('"detail":"mount/keys.yaml:7:1 ower: unknown field');
      rmSync(join(mount, 'keys.yaml'));
      await until(
        () => program.log().includes('the file does not exist'),
        () => program.log(),
      );
      expect(await metric('successful')).toBe(0);
      await change(() => writeFileSync(join(mount, 'keys.yaml'), good), 1);
      expect(await ask('swapped')).toMatchObject({ status: 200 });
    },
  );
  expect(wrong).toEqual([]);
});
