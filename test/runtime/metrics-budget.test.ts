import { randomBytes } from 'node:crypto';
import { expect, it, onTestFinished } from 'vitest';
import { composeKey } from '../../src/core/key-shape.ts';
import { startStage } from '../support/stage.ts';
import { Scrape } from './metrics-stage.ts';

const ROUTES = 10;
const SERIES_MAX = 1500;
const BYTES_MAX = 200_000;

const routes = Array.from(
  { length: ROUTES },
  (_, i) => `{ match: { path: /r${i} }, profile: plexe, upstream: '{upstream}' }`,
);

it('ten routes and four tiers make at most 1,500 series and 200 kB of a scrape, whatever comes', async () => {
  const stage = await startStage({
    config: `
proxy:
  failedAuthentication: off
  tiers:
    plexe: { basic: [100/minute], pro: [500/minute], team: [900/minute], enterprise: unlimited }
  routes: [${routes.join(', ')}]
keyService: {}
`,
    fixtures: '{RW} {RO} {REV} {URW}',
    lookupMs: 0,
    withRedis: true,
    sharing: 1,
  });
  onTestFinished(() => stage.stop());
  const seriesIn = ({ families }: Scrape): number =>
    [...families.values()].reduce((count, { samples }) => count + samples.length, 0);
  const ask = async (method: string, path: string, key: string): Promise<void> => {
    const headers = { 'x-api-key': stage.fixtures.fill(key) };
    const answer = await fetch(`http://127.0.0.1:${stage.gate.port}${path}`, { method, headers });
    await answer.text();
  };
  // What is there at once, and what statuses and methods add to it.
  for (let i = 0; i < ROUTES; i++) {
    for (const [method, key] of [
      ['GET', '{RW}'],
      ['POST', '{RW}'],
      ['GET', '{URW}'],
      ['POST', '{RO}'],
      ['GET', '{REV}'],
      ['GET', composeKey('plx_sk_', randomBytes)],
    ] as const)
      await ask(method, `/r${i}/x`, key);
    await ask('GET', `/nowhere/${i}`, '{RW}');
  }
  const scrape = await Scrape.of(stage.gate.adminPort);
  expect(scrape.sum('http_requests_total')).toBe(7 * ROUTES);
  expect(seriesIn(scrape)).toBeLessThanOrEqual(SERIES_MAX);
  expect(Buffer.byteLength(scrape.text)).toBeLessThanOrEqual(BYTES_MAX);
});
