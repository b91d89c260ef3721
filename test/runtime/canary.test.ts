import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { composeKey } from '../../src/core/key-shape.ts';
import { startTraced } from '../support/traced.ts';
import { MetricsStage } from './metrics-stage.ts';

/** Every header the gate reads or writes, and some that it does not know. */
const HEADERS = (
  'Authorization x-api-key Proxy-Authorization Cookie X-Request-Id User-Agent Referer Origin ' +
  'Accept Connection Upgrade Expect TE Trailer Via Forwarded Host X-Forwarded-For X-Forwarded-Host ' +
  'X-Forwarded-Proto X-Real-IP X-HTTP-Method-Override X-Key-Id X-Owner-Id X-Tier Mcp-Method ' +
  'Mcp-Name Mcp-Protocol-Version X-Anything Content-Type Access-Control-Request-Method ' +
  'Transfer-Encoding Content-Length Sec-WebSocket-Key traceparent tracestate baggage'
).split(' ');

/** Requests that carry the key somewhere, each alone and beside a good credential of somebody else. */
function requestsWith(canary: string): string[] {
  const values = [canary, `ApiKey ${canary}`, `a=1; key="${canary}"; b=2`];
  const targets = [
    `/standard/${canary}`,
    `/${canary}`,
    `/standard/x;key=${canary}/y`,
    `/standard/../${canary}`,
    `/standard/open/a-${canary}-b`,
    `/standard?key=${canary}`,
    `/standard/x?a=1&api_key=${canary}#${canary}`,
    `http://gate.test/standard/${canary}`,
    `http://${canary}/standard`,
    canary,
  ];
  const body = `{"key":"${canary}"}`;
  const heads = [
    ...HEADERS.flatMap((name) =>
      values.map((value) => `GET /standard HTTP/1.1\r\nHost: gate.test\r\n${name}: ${value}\r\n`),
    ),
    ...targets.map((target) => `GET ${target} HTTP/1.1\r\nHost: gate.test\r\n`),
    ...targets.map((target) => `GET ${target} HTTP/1.1\r\nHost: gate.test\r\nx-api-key: ${canary}\r\n`),
    `${canary} /standard HTTP/1.1\r\nHost: gate.test\r\n`,
    `GET /standard ${canary}\r\nHost: gate.test\r\n`,
    `GET /standard HTTP/1.1\r\nHost: gate.test\r\n${canary}: x\r\n`,
    `GET /standard HTTP/1.1\r\nHost: gate.test\r\n${canary}\r\n`,
    `GET /gone/${canary} HTTP/1.1\r\nHost: gate.test\r\nx-api-key: {S}\r\n`,
  ];
  const withBody = `POST /standard HTTP/1.1\r\nHost: gate.test\r\nx-api-key: {S}\r\n`;
  return [
    ...heads.flatMap((head) => [`${head}\r\n`, `${head}x-api-key: {S}\r\n\r\n`]),
    `${withBody}Content-Length: ${body.length}\r\n\r\n${body}`,
    `${withBody}Transfer-Encoding: chunked\r\n\r\n${canary}\r\n${body}\r\n0\r\n\r\n`,
    `${withBody}Transfer-Encoding: chunked\r\n\r\n1;key=${canary}\r\nx\r\n0\r\nX-Trailer: ${canary}\r\n\r\n`,
  ];
}

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
      const requests = requestsWith(canary);
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
