import { afterEach, beforeEach, expect, test } from 'vitest';
import { exchange } from '../support/raw-client.ts';
import { startGate, type TestGate } from '../support/gate.ts';

const CONFIG = `
proxy:
  host: 127.0.0.1
  port: 0
  routes: [{ profile: standard, rules: [{ path: /**, auth: none }], upstream: echo }]
keyService: { port: 0 }
`;
const REQUESTS = 20;

let gate: TestGate;

beforeEach(async () => {
  gate = await startGate({ config: CONFIG });
});
afterEach(() => gate.stop());

function wallNow(): number {
  return performance.timeOrigin + performance.now();
}

test('the line of a request says to the microsecond when it arrived', async () => {
  const told: number[] = [];
  for (let i = 0; i < REQUESTS; i++) {
    const before = wallNow();
    const text = 'GET / HTTP/1.1\r\nHost: gate.test\r\nConnection: close\r\n\r\n';
    expect((await exchange(gate.port, Buffer.from(text))).status).toBe(200);
    await expect.poll(() => gate.logLines.length).toBe(i + 1);
    const line = JSON.parse(gate.logLines[i] ?? '') as Record<'receivedAt' | 'durationMs', number>;
    expect(line.receivedAt).toBeGreaterThan(before - 0.001);
    expect(line.receivedAt + line.durationMs).toBeLessThan(wallNow() + 0.002);
    told.push(line.receivedAt);
  }
  expect(told.toSorted((a, b) => a - b)).toEqual(told);
  expect(told.every((at) => Math.round(at * 1000) / 1000 === at)).toBe(true);
  expect(told.some((at) => Math.round(at) !== at)).toBe(true);
});
