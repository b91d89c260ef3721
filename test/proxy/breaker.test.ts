import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { expect, it, onTestFinished, vi } from 'vitest';
import { decisionText } from '../../src/cli/explanation-text.ts';
import { Secret } from '../../src/core/secret.ts';
import { Silence } from '../../src/proxy/keys/silence.ts';
import { closeServer, listen } from '../../src/runtime/listen.ts';
import { until } from '../support/until.ts';
import { startOwnGate } from '../contracts/own-gate.ts';

/** A key service that takes calls, and answers that it knows no key from when it is told to. */
async function startSilentService() {
  let speaks = false;
  const server = createServer((request, response) => {
    if (!speaks) return;
    const isAsked = request.url === '/v1/keys/resolve';
    response.writeHead(404, { 'content-type': 'application/json' }).end(isAsked ? '{"as_of":0}' : '{}');
  });
  const port = await listen(server, '127.0.0.1', 0);
  onTestFinished(async () => {
    server.closeAllConnections();
    await closeServer(server, 0);
  });
  return {
    origin: `http://127.0.0.1:${port}`,
    token: new Secret(randomBytes(16).toString('hex')),
    speak: () => (speaks = true),
  };
}

const BREAKER = /^plexgate_breaker_open\{dependency="key_service"\} (\d)$/m;

it('the breaker before the key service stands in a scrape, and in what is told of a refusal', async () => {
  const service = await startSilentService();
  const gate = await startOwnGate(service);
  onTestFinished(() => gate.stop());
  const breaker = async (): Promise<string | undefined> => BREAKER.exec(await gate.scrape())?.[1];
  expect(await breaker()).toBe('0');
  const key = new Secret('somebody-elses-key');
  expect(await gate.status(key)).toBe(503);
  expect(await breaker()).toBe('1');
  expect(await gate.status(key, 'GET', 'not-waited-for')).toBe(503);
  await until('the request is over', () => gate.decisions('not-waited-for').length > 0);
  const [told] = gate.decisions('not-waited-for') as Record<string, unknown>[];
  expect(told).toMatchObject({ dependencies: { key_service: { breaker: 'open' } } });
  expect(decisionText(told ?? {})).toContain('it was silent, and no lookup waited for it');
  service.speak();
  await until('it closes', async () => (await gate.status(key)) === 401);
  expect(await breaker()).toBe('0');
  await gate.status(key, 'GET', 'answered');
  await until('the request is over', () => gate.decisions('answered').length > 0);
  const [answered] = gate.decisions('answered') as Record<string, unknown>[];
  expect(answered).toMatchObject({ dependencies: { key_service: { breaker: 'closed' } } });
  expect(decisionText(answered ?? {})).not.toContain('silent');
});

it('a breaker tells of each turn once', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  let now = 0;
  const turns: boolean[] = [];
  const silence = new Silence(
    () => now,
    (isOpen) => turns.push(isOpen),
  );
  expect(silence.isOpen).toBe(false);
  const questions = [1, 2].map(() => Promise.withResolvers<void>());
  const asked = questions.map(({ promise }) => silence.over(promise));
  now = 2000;
  await vi.advanceTimersByTimeAsync(2000);
  await new Promise((resolve) => setImmediate(resolve));
  expect([silence.isOpen, turns]).toEqual([true, [true]]);
  for (const { resolve } of questions) resolve();
  await Promise.all(asked);
  silence.end();
  expect([silence.isOpen, turns]).toEqual([false, [true, false]]);
});
