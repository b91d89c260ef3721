import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestOf } from '../../src/core/secret.ts';
import { MAIN, startGateProcess, type RunningProgram } from './running-program.ts';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'plexgate-'));
});

afterAll(() => rmSync(folder, { recursive: true }));

/** The program to its end, in the test's folder. */
async function plexgate(args: readonly string[], input = '') {
  const child = spawn(process.execPath, [MAIN, ...args], { cwd: folder });
  child.stdin.end(input);
  const ended = new Promise<number | null>((resolve) => void child.once('close', resolve));
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await ended, out, err };
}

describe('with a gate and its key service running', () => {
  let program: RunningProgram;
  let told: string[];

  beforeAll(async () => {
    const config =
      'admin: { port: 0 }\nkeyService: { port: 0 }\nproxy: { host: 127.0.0.1, port: 0, drain: { delay: 0s }, routes: [{ upstream: echo }] }\n';
    writeFileSync(join(folder, 'gate.yaml'), config);
    program = await startGateProcess('gate.yaml', folder);
    const url = /"url":"([^"]+)","msg":"key service listens"/.exec(program.log())?.[1] ?? '';
    told = ['--config', 'gate.yaml', '--url', url];
  });

  afterAll(() => program.stop());

  it('an owner and a key are made, the key is used, revoked, and refused', async () => {
    const ask = async (key: string) => (await fetch(program.gate, { headers: { 'x-api-key': key } })).status;
    const put = await plexgate([...'owners put acme --profile standard --tier default'.split(' '), ...told]);
    expect(put).toMatchObject({ code: 0, err: '' });
    const create = 'keys create --owner acme --name first --profile standard --permission read_only --json';
    const made = await plexgate([...create.split(' '), ...told]);
    const { key, key_id: id } = JSON.parse(made.out) as { key: string; key_id: string };
    expect(await ask(key)).toBe(200);
    const revoked = await plexgate(['keys', 'revoke', id, ...told]);
    expect(revoked).toMatchObject({ code: 0, err: '' });
    expect(revoked.out).toContain('of 1 gates 1 have confirmed');
    expect(await ask(key)).toBe(401);
  });
});

it('plexgate keys hash reads standard input', async () => {
  const key = randomBytes(16).toString('hex');
  expect(await plexgate(['keys', 'hash'], `${key}\n`)).toEqual({
    code: 0,
    out: `${digestOf(key)}\n`,
    err: '',
  });
});

describe('a configuration whose keys file is broken', () => {
  it.each(['check', 'run'])('is refused by plexgate %s with the mistakes of the file', async (command) => {
    writeFileSync(join(folder, 'keys.yaml'), 'owners: []\nkeys: [{ owner: acme }]\n');
    writeFileSync(
      join(folder, 'file.yaml'),
      'proxy: { keys: { file: keys.yaml }, routes: [{ upstream: echo }] }\n',
    );
    const { code, err } = await plexgate([command, '--config', 'file.yaml']);
    expect(code).toBe(1);
    expect(err).toMatch(
      /^keys\.yaml:2:17 keys\[0\]\.owner: found "acme"; allowed: the id of one of the owners$/m,
    );
    expect(err).toMatch(/^keys\.yaml: 5 mistakes$/m);
  });
});
