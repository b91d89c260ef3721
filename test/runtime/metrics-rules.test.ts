import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { REASONS, type Reason } from '../../src/core/reasons.ts';
import { RequestMetrics } from '../../src/proxy/request-metrics.ts';
import { createMetrics } from '../../src/runtime/metrics.ts';
import { seriesOf } from '../support/exposition.ts';
import { MetricsStage, Scrape } from './metrics-stage.ts';

/** Names of what has no unit: counts of things, words and switches. */
const WITHOUT_UNIT =
  /_(?:total|info|up|open|entries|members|pending|tokens|successful|in_flight|connections|fds)$/;

let stage: MetricsStage;
beforeAll(async () => {
  stage = await MetricsStage.start();
});
afterAll(() => stage.stop());

describe('the metrics', () => {
  it('are seconds, bytes or counts by their names, and each says what it means', () => {
    for (const { name, help, type } of stage.first.families.values()) {
      expect(help, name).toMatch(/\S \S/);
      if (type === 'histogram') expect(name).toMatch(/_seconds$/);
      else expect(name).toMatch(new RegExp(`_(?:seconds|bytes)$|${WITHOUT_UNIT.source}`));
    }
  });

  it('are there from the first scrape on: requests make series of methods and statuses alone', async () => {
    stage.upstream.does(({ socket, startLine }) => {
      if (!startLine.includes('silent')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    });
    for (const path of ['/standard', '/gone', '/standard/silent', '/plexe', '/nowhere']) {
      for (const key of ['{S}', '{REV}', '{UNKNOWN}']) {
        await stage.send(`GET ${path} HTTP/1.1\r\nHost: gate.test\r\nx-api-key: ${key}\r\n\r\n`);
      }
    }
    const after = await stage.scrape();
    expect(after.sum('upstream_errors_total')).toBeGreaterThan(1);
    const seriesIn = (scrape: Scrape): string[] =>
      [...scrape.families.values()]
        .filter(({ name }) => name.startsWith('plexgate_'))
        .flatMap(({ samples }) => samples.map(seriesOf));
    const first = new Set(seriesIn(stage.first));
    const made = seriesIn(after).filter((series) => !first.has(series));
    expect(made.length).toBeGreaterThan(5);
    expect(made.filter((series) => !series.startsWith('plexgate_http_requests_total'))).toEqual([]);
  });

  it('are not on the traffic port', async () => {
    for (const path of ['/metrics', '/plexe/metrics', '/standard/metrics']) {
      const answer = await fetch(`http://127.0.0.1:${stage.gate.port}${path}`);
      expect([401, 404]).toContain(answer.status);
      expect(await answer.text()).not.toContain('plexgate_');
    }
  });

  it('are the same in OpenMetrics, for a scraper that asks for it', async () => {
    const accept = 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5';
    const answer = await fetch(`http://127.0.0.1:${stage.gate.adminPort}/metrics`, { headers: { accept } });
    expect(answer.headers.get('content-type')).toBe(
      'application/openmetrics-text; version=1.0.0; charset=utf-8',
    );
    const text = await answer.text();
    expect(text).toMatch(/\n# EOF\n$/);
    const namesIn = (lines: string): string[] => [...lines.matchAll(/^plexgate_\w+(?=[ {])/gm)].map(String);
    expect(namesIn(text)).toEqual(namesIn((await stage.scrape()).text));
  });
});

it('are looked up by their labels when a kind of request comes for the first time, and never again', () => {
  const metrics = createMetrics({ version: '1', revision: '2' });
  let lookups = 0;
  for (const metric of Object.values(metrics)) {
    if (typeof metric !== 'object' || !('labels' in metric)) continue;
    const { labels } = metric as { labels: (...values: string[]) => unknown };
    Object.assign(metric, {
      labels(...values: string[]) {
        lookups++;
        return labels.apply(metric, values);
      },
    });
  }
  const requests = new RequestMetrics(metrics);
  requests.adopt(new Set(['/', 'none']), new Set(['http://a']));
  const all = (): void => {
    for (const denied of [null, ...(Object.keys(REASONS) as Reason[])]) {
      requests.begin('/');
      requests.upstreamAnswered('http://a', 0.1);
      requests.deprecatedKeyUsed('/');
      requests.end({
        route: '/',
        method: 'GET',
        status: denied === null ? 200 : REASONS[denied].status,
        source: denied === null ? 'upstream' : 'gateway',
        denied,
        durationSeconds: 0.1,
        overheadSeconds: 0.1,
      });
    }
  };
  all();
  const first = lookups;
  expect(first).toBeGreaterThan(Object.keys(REASONS).length);
  for (let i = 0; i < 100; i++) all();
  expect(lookups).toBe(first);
});
