import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, inject, it } from 'vitest';
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
