import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { Secret } from '../../src/core/secret.ts';
import { startExample, type ExampleService } from './example-service.ts';
import { startOwnGate, type OwnGate } from './own-gate.ts';

const FENCE_MS = 2000;
const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

async function gateWith(
  name: Parameters<typeof startExample>[0],
): Promise<{ example: ExampleService; gate: OwnGate }> {
  const example = await startExample(name);
  closers.push(() => example.kill());
  return { example, gate: await gateOf(example) };
}

async function gateOf(example: ExampleService): Promise<OwnGate> {
  const gate = await startOwnGate(example);
  closers.push(() => gate.stop());
  return gate;
}

const aKey = () => new Secret(randomBytes(24).toString('base64url'));

interface Seen {
  /** Milliseconds from `since` to the start of the request. */
  readonly beganMs: number;
  readonly status: number;
}

/** What requests with the key get, one after another, until one that began so long after `since`. */
async function watch(gate: OwnGate, key: Secret, since: number, untilMs: number): Promise<Seen[]> {
  const seen: Seen[] = [];
  for (;;) {
    const beganMs = performance.now() - since;
    seen.push({ beganMs, status: await gate.status(key) });
    if (beganMs > untilMs) return seen;
    await pause(20);
  }
}

const statusesOf = (seen: readonly Seen[], afterMs = -Infinity) => [
  ...new Set(seen.filter(({ beganMs }) => beganMs > afterMs).map(({ status }) => status)),
];

describe.each(['resolve-alone', 'resolve-and-renew'] as const)('a gate with %s', (name) => {
  test('lets known keys pass as their permission says, and nobody else', async () => {
    const { example, gate } = await gateWith(name);
    const { text } = await example.make();
    const { text: readOnly } = await example.make('read_only');
    expect(await gate.status(text, 'POST')).toBe(200);
    expect(await gate.status(readOnly)).toBe(200);
    expect(await gate.status(readOnly, 'POST')).toBe(403);
    expect(await gate.status(aKey())).toBe(401);
  });

  test('and a token that is not accepted answers 503, and the log says why', async () => {
    const example = await startExample(name);
    closers.push(() => example.kill());
    const gate = await gateOf({ ...example, token: aKey() });
    const { text } = await example.make();
    expect([await gate.status(text), await gate.status(aKey())]).toEqual([503, 503]);
    expect(gate.logLines.join('')).toContain('the key service refused the service token (401)');
  });

  test('answers 503 once the fence is over after the service was killed, and never 401', async () => {
    const { example, gate } = await gateWith(name);
    const { text } = await example.make();
    expect(await gate.status(text)).toBe(200);
    await example.kill();
    const killedAt = performance.now();
    const seen = await watch(gate, text, killedAt, FENCE_MS + 1000);
    expect(statusesOf(seen).filter((status) => status !== 200 && status !== 503)).toEqual([]);
    expect(statusesOf(seen, FENCE_MS)).toEqual([503]);
    // What it never knew it cannot know now.
    expect(await gate.status(aKey())).toBe(503);
  });

  test('goes on when the service is back, by what the service knows then', async () => {
    const { example, gate } = await gateWith(name);
    const { text } = await example.make();
    const { text: lost } = await example.make();
    expect([await gate.status(text), await gate.status(lost)]).toEqual([200, 200]);
    const again = await example.restart();
    closers.push(() => again.kill());
    await again.make('read_write', text);
    await expect.poll(() => gate.status(text), { timeout: 10_000 }).toBe(200);
    await expect.poll(() => gate.status(lost), { timeout: 10_000 }).toBe(401);
  });
});

describe('a revoked key', () => {
  test('with resolve alone lives on for at most the fence', async () => {
    const { example, gate } = await gateWith('resolve-alone');
    const { text, keyId } = await example.make();
    expect(await gate.status(text)).toBe(200);
    expect(gate.member().mode).toBe('resolve');
    await example.revoke(keyId);
    const revokedAt = performance.now();
    const seen = await watch(gate, text, revokedAt, FENCE_MS + 500);
    expect(statusesOf(seen).filter((status) => status !== 200 && status !== 401)).toEqual([]);
    expect(statusesOf(seen, FENCE_MS)).toEqual([401]);
  });

  test('with renewals is dead at every gate when the call has answered', async () => {
    const { example, gate } = await gateWith('resolve-and-renew');
    const gates = [gate, await gateOf(example), await gateOf(example)];
    const { text, keyId } = await example.make();
    const { text: other } = await example.make();
    for (const one of gates) expect([await one.status(text), await one.status(other)]).toEqual([200, 200]);
    expect(gate.member().mode).toBe('renew');
    const stop = new AbortController();
    const load = Promise.all(gates.map((one) => loadUntil(one, text, stop.signal)));
    const { propagation } = await example.revoke(keyId);
    const answeredAt = performance.now();
    expect(propagation).toEqual({ members: 3, acked: 3, fenced: 0 });
    for (const one of gates) {
      expect(statusesOf(await watch(one, text, answeredAt, 300))).toEqual([401]);
      expect(await one.status(other)).toBe(200);
    }
    stop.abort();
    const late = (await load).flat().filter(({ beganMs }) => beganMs > answeredAt);
    expect(statusesOf(late)).toEqual([401]);
  });

  test('with renewals and a gate that has left is waited for at nobody', async () => {
    const { example, gate } = await gateWith('resolve-and-renew');
    const { keyId } = await example.make();
    await gate.stop();
    closers.pop();
    expect((await example.revoke(keyId)).propagation).toEqual({ members: 0, acked: 0, fenced: 0 });
  });
});

/** Requests one after another, with when each began by the clock of this process. */
async function loadUntil(gate: OwnGate, key: Secret, stop: AbortSignal): Promise<Seen[]> {
  const seen: Seen[] = [];
  while (!stop.aborted) {
    const beganMs = performance.now();
    seen.push({ beganMs, status: await gate.status(key) });
  }
  return seen;
}
