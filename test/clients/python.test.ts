import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, inject, it } from 'vitest';
import { valuesOf } from '../support/http-message.ts';
import { startStage, type Stage } from '../support/stage.ts';
import { OK } from '../support/upstream.ts';
import { runProgram, type ProgramRun } from './run-program.ts';
import { documented, startShippedStage } from './shipped-stage.ts';

const BASE_URL = 'https://api.plexe.ai';
const THREE_MODELS = { ...OK, body: '[{"name":"a"},{"name":"b"},{"name":"c"}]' };

const ANOTHER_WORKSPACE = `
keyService: {}
proxy:
  routes:
    - { match: { path: / }, profile: plexe, workspace: W9, upstream: '{upstream}' }
`;

const folder = mkdtempSync(join(tmpdir(), 'plexgate-python-'));
let stage: Stage;

afterEach(() => stage.stop());
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The program as documented but for its base URL, with `key` in the variable it reads. */
async function run(program: string, key: string): Promise<ProgramRun> {
  const copy = join(folder, `${program}.py`);
  writeFileSync(copy, documented(`python/${program}.py`, BASE_URL, stage.gate.port));
  return runProgram(inject('python'), [copy], { PLEXE_API_KEY: stage.fixtures.fill(key) });
}

describe("the first Python example of Plexe's authentication overview", () => {
  it('counts the models with a valid key', async () => {
    stage = await startShippedStage('plexe', '{RW}');
    stage.upstream.answerWith(THREE_MODELS);
    const found = { status: 0, stdout: 'Success! Found 3 models\n', stderr: '' };
    expect(await run('list-models', '{RW}')).toEqual(found);
  });

  it('counts them with a read-only key too', async () => {
    stage = await startShippedStage('plexe', '{RO}');
    stage.upstream.answerWith(THREE_MODELS);
    expect((await run('list-models', '{RO}')).stdout).toBe('Success! Found 3 models\n');
  });

  it.each(['{UNK}', '{REV}', '{EXP}'])('says that authentication failed with %s', async (key) => {
    stage = await startShippedStage('plexe', key);
    const refused = { status: 0, stdout: 'Authentication failed: Invalid or expired API key\n', stderr: '' };
    expect(await run('list-models', key)).toEqual(refused);
    expect(stage.upstream.requests).toEqual([]);
  });

  it('says that permission is denied where the key is of another workspace', async () => {
    stage = await startStage({ config: ANOTHER_WORKSPACE, fixtures: '{RW}' });
    const { stdout } = await run('list-models', '{RW}');
    expect(stdout).toBe("Permission denied: Your API key doesn't have access to this resource\n");
    expect(stage.upstream.requests).toEqual([]);
  });
});

describe("the key rotation program of Plexe's authentication overview", () => {
  it('makes a new key, verifies it and revokes the old one, which is dead from then on', async () => {
    stage = await startShippedStage('plexe', '{RW}');
    stage.upstream.answerWith(THREE_MODELS);
    const { status, stdout, stderr } = await run('rotate-key', '{RW}');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const [created = '', ...rest] = stdout.trimEnd().split('\n');
    expect(created).toMatch(/^Created new API key with ID: \S+$/);
    expect(rest).toEqual(['New key verified working!', 'Old key successfully revoked']);

    const newKeyId = created.split(' ').at(-1);
    const seen = stage.upstream.requests.map((request) => [
      `${request.method} ${request.target}`,
      valuesOf(request, 'x-key-id'),
    ]);
    expect(seen).toEqual([['GET /models', [newKeyId]]]);
    const listed = await stage.gate.service.listKeys({ owner: 'account-a' });
    expect(listed).toMatchObject({
      keys: [
        { status: 'active', record: { keyId: newKeyId, permission: 'read_write' } },
        { status: 'revoked', record: { keyId: stage.fixtures.fill('{RW.id}') } },
      ],
    });

    const after = await fetch(`http://127.0.0.1:${stage.gate.port}/models`, {
      headers: { 'x-api-key': stage.fixtures.fill('{RW}') },
    });
    expect(after.status).toBe(401);
    expect(await after.json()).toMatchObject({ error: { code: 'revoked_key', status: 401 } });
  });

  it('says why it cannot make a key with one that is read-only, and leaves that one alone', async () => {
    stage = await startShippedStage('plexe', '{RO}');
    const { status, stdout } = await run('rotate-key', '{RO}');
    expect(status).toBe(1);
    expect(stdout).toMatch(/^Failed to create new key: \{"error":\{"code":"insufficient_permissions",/);
    const listed = await stage.gate.service.listKeys({ owner: 'account-a' });
    expect(listed).toMatchObject({ total: 1, keys: [{ status: 'active' }] });
  });
});
