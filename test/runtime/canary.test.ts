import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { composeKey } from '../../src/core/key-shape.ts';
import { requestsWith } from '../support/canary-requests.ts';
import { startTraced } from '../support/traced.ts';
import { MetricsStage } from './metrics-stage.ts';

/** What the gate remembers of all requests that stand in its log. */
async function decisionsOf({ gate }: MetricsStage): Promise<string> {
  const ids = gate.logLines.map((line) => (JSON.parse(line) as { requestId?: string }).requestId);
  const told: string[] = [];
  for (const id of new Set(ids)) {
    if (id === undefined) continue;
    const answer = await fetch(`http://127.0.0.1:${gate.adminPort}/decisions/${encodeURIComponent(id)}`);
    told.push(await answer.text());
  }
  expect(told.filter((text) => text.includes('"decisions"')).length).toBeGreaterThan(100);
  return told.join('\n');
}

describe('a key is found in no log line at any level, no scrape, no page of the admin port and no span', () => {
  const OWN_PREFIX = 'acme-live-';
  it.each([
    ['wherever a client puts it', 'plx_sk_', (config: string) => config],
    [
      'also with a prefix that the configuration gives keys',
      OWN_PREFIX,
      (config: string) => config.replace('proxy:', `proxy:\n  keys: { prefixes: { plexe: ${OWN_PREFIX} } }`),
    ],
  ])('%s', async (_, prefix, change) => {
    const traced = await startTraced();
    const { tracing, collector } = traced;
    const stage = await MetricsStage.start(change, { tracing });
    onTestFinished(async () => {
      await stage.stop();
      await traced.stop();
    });
    const secrets: string[] = [];
    for (const known of [false, true]) {
      const canary = known ? stage.fixtures.fill('{RW}') : composeKey(prefix, randomBytes);
      expect(canary.startsWith(prefix)).toBe(true);
      const secret = canary.slice(prefix.length);
      secrets.push(secret);
      const requests = requestsWith(canary, '{S}');
      for (let i = 0; i < requests.length; i += 20) {
        // What is no request at all may be ended without an answer.
        await Promise.all(requests.slice(i, i + 20).map((text) => stage.send(text).catch(() => null)));
      }
      await sleep(50);
      const { length } = stage.gate.logLines;
      expect(length).toBeGreaterThanOrEqual(requests.length);
      expect(stage.gate.logLines.filter((line) => line.includes(secret))).toEqual([]);
      expect((await stage.scrape()).text).not.toContain(secret);
      const config = await fetch(`http://127.0.0.1:${stage.gate.adminPort}/config?key=${canary}`);
      expect(await config.text()).not.toContain(secret);
      expect(await decisionsOf(stage)).not.toContain(secret);
    }
    await tracing.close();
    expect(collector.spans.length).toBeGreaterThan(100);
    const exported = JSON.stringify(collector.received);
    for (const secret of secrets) expect(exported).not.toContain(secret);
  });
});
