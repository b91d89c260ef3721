import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { valuesOf } from '../support/http-message.ts';
import { exchange, type RawAnswer } from '../support/raw-client.ts';
import { startStage, type Stage } from '../support/stage.ts';

/** With one route, and so many requests a minute for everybody. */
const configOf = (path: string, perMinute: number) => `
keyService: {}
proxy:
  tiers: { plexe: { basic: [${perMinute}/minute] } }
  routes: [{ match: { path: ${path} }, profile: plexe, upstream: '{upstream}' }]
`;
/** Long enough for a change to come meanwhile. */
const LOOKUP_MS = 300;

let stage: Stage;

beforeEach(async () => {
  stage = await startStage({ config: configOf('/before', 50), fixtures: '{RW}', lookupMs: LOOKUP_MS });
});
afterEach(() => stage.stop());

function reconfigure(config: string): void {
  stage.gate.reconfigure(config.replaceAll('{upstream}', stage.upstream.origin));
}

function ask(path: string): Promise<RawAnswer> {
  const lines = [`GET ${path} HTTP/1.1`, 'Host: gate.test', 'x-api-key: {RW}', 'Connection: close'];
  return exchange(
    stage.gate.port,
    Buffer.from(stage.fixtures.fill(`${lines.join('\r\n')}\r\n\r\n`), 'latin1'),
  );
}

it('a request whose key is being looked up keeps its route, and spends from the limit that holds by then', async () => {
  const answer = ask('/before');
  await pause(LOOKUP_MS / 3);
  reconfigure(configOf('/after', 7));
  const answered = await answer;
  expect(answered.status).toBe(200);
  expect(valuesOf(answered, 'ratelimit-policy').join()).toContain('q=7');
  expect((await ask('/before')).status).toBe(404);
  expect((await ask('/after')).status).toBe(200);
});

it('what a request under way has spent is counted after the change', async () => {
  const answers = [ask('/before'), ask('/before'), ask('/before')];
  await pause(LOOKUP_MS / 3);
  reconfigure(configOf('/before', 4));
  expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200, 200]);
  expect((await ask('/before')).status).toBe(200);
  expect((await ask('/before')).status).toBe(429);
});
