import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ALERT_RULES } from '../../scripts/dashboards/alert-rules.ts';
import { manifestsOf, only } from '../chart/renders.ts';
import { until } from '../commands/running-program.ts';
import { readExposition, seriesOf } from '../support/exposition.ts';
import { startPrometheus, type PrometheusServer } from './prometheus-server.ts';
import { startScrapedFleet, type ScrapedFleet } from './scraped-fleet.ts';

const DASHBOARDS = 'helm/plexgate/files/dashboards';

let fleet: ScrapedFleet;
let prometheus: PrometheusServer;
/** Series of the large gate before any request. */
let first: ReadonlySet<string>;

async function seriesOfLarge(): Promise<string[]> {
  const text = await (await fetch(`http://${fleet.admins[0]}/metrics`)).text();
  const families = [...readExposition(text).values()].filter(({ name }) => name.startsWith('plexgate_'));
  return families.flatMap(({ samples }) => samples.map(seriesOf));
}

/** Waits until each target has been scraped so often. */
async function scraped(times: number): Promise<void> {
  const enough = `count_over_time(plexgate_build_info[10m]) >= ${times}`;
  const seen = async () => JSON.stringify(await prometheus.targets());
  await until(async () => (await prometheus.query(enough)).length === fleet.admins.length, seen);
}

beforeAll(async () => {
  fleet = await startScrapedFleet();
  first = new Set(await seriesOfLarge());
  const manifests = await manifestsOf('smallest', undefined, '--set', 'prometheusRule.enabled=true');
  prometheus = await startPrometheus(fleet.admins, only(manifests, 'PrometheusRule').spec);
  await fleet.load();
  await scraped(2);
  await fleet.load();
  await scraped(5);
});
afterAll(async () => {
  await prometheus?.stop();
  await fleet?.stop();
});

describe('a Prometheus that scrapes running gates', () => {
  it('is content with all of them', async () => {
    const targets = await prometheus.targets();
    expect(targets.map(({ health, lastError }) => [health, lastError])).toEqual(
      fleet.admins.map(() => ['up', '']),
    );
  });

  it('is answered in OpenMetrics, in which counters go by names without their ending', async () => {
    expect(await prometheus.types()).toMatchObject({
      plexgate_http_requests: 'counter',
      plexgate_gateway_overhead_seconds: 'histogram',
      plexgate_redis_up: 'gauge',
    });
  });

  it('has every metric that docs/metrics.md lists, and no other of ours', async () => {
    const page = readFileSync('docs/metrics.md', 'utf8');
    const documented = Array.from(
      page.matchAll(/^\| `(\w+)` \| (\w+) \|/gm),
      ([, name = '', type]) => name + (type === 'histogram' ? '_count' : ''),
    );
    const names = await prometheus.names();
    expect(documented.filter((name) => !names.includes(name))).toEqual([]);
    const ours = names.filter((name) => /^(?:plexgate|process|nodejs)_/.test(name));
    expect(ours.filter((name) => !/_(?:bucket|sum)$/.test(name)).sort()).toEqual(documented.sort());
  });

  it('has all series from the first scrape on, but for statuses and methods that came', async () => {
    const later = (await seriesOfLarge()).filter((series) => !first.has(series));
    expect(later.length).toBeGreaterThan(50);
    expect(later.filter((series) => !series.startsWith('plexgate_http_requests_total'))).toEqual([]);
  });

  it('gets at most 1,500 samples in 200 kB from a gate of ten routes and four tiers, after requests of all kinds', async () => {
    const [large = ''] = fleet.admins;
    const [samples] = await prometheus.query(`scrape_samples_scraped{instance="${large}"}`);
    expect(Number(samples?.value[1])).toBeGreaterThan(1000);
    expect(Number(samples?.value[1])).toBeLessThanOrEqual(1500);
    const text = await (await fetch(`http://${large}/metrics`)).text();
    expect(text.length).toBeLessThanOrEqual(200_000);
  });
});

describe('the alerts', () => {
  it('are evaluated without a mistake', async () => {
    // The first evaluation comes a while after the start.
    const evaluated = async () => (await prometheus.rules()).filter(({ health }) => health !== 'unknown');
    await until(
      async () => (await evaluated()).length === ALERT_RULES.length,
      async () => JSON.stringify(await evaluated()),
    );
    const rules = await prometheus.rules();
    expect(rules.map(({ name, health, lastError }) => [name, health, lastError ?? ''])).toEqual(
      rules.map(({ name }) => [name, 'ok', '']),
    );
  });

  it.each(ALERT_RULES.map(({ alert, expr }) => [alert, expr]))(
    '%s asks for series that are there',
    async (_, expr) => {
      const selectors = expr.match(/\b(?:up|(?:plexgate|nodejs|process)_\w+)\b(?:\{[^}]*\})?/g) ?? [];
      expect(selectors.length).toBeGreaterThan(0);
      for (const selector of new Set(selectors)) {
        expect((await prometheus.query(selector)).length, selector).toBeGreaterThan(0);
      }
    },
  );
});

it.each(readdirSync('docs/runbooks'))(
  'the runbook %s has questions that Prometheus understands, of metrics that are there',
  async (file) => {
    const text = readFileSync(`docs/runbooks/${file}`, 'utf8');
    const questions = [...text.matchAll(/^```\n([^]*?)^```/gm)].flatMap(([, block = '']) =>
      block.trim().split('\n'),
    );
    expect(questions.length).toBeGreaterThan(0);
    const names = await prometheus.names();
    for (const question of questions) {
      await prometheus.query(question);
      const named = question.match(/\b(?:plexgate|process|nodejs)_\w+/g) ?? [];
      expect(named.filter((name) => !names.includes(name))).toEqual([]);
    }
  },
);

interface Panel {
  readonly title: string;
  readonly targets?: readonly { readonly expr: string }[];
}

describe.each(readdirSync(DASHBOARDS))('the dashboard %s', (file) => {
  const { panels } = JSON.parse(readFileSync(`${DASHBOARDS}/${file}`, 'utf8')) as { panels: Panel[] };
  const asked = panels.flatMap(({ title, targets = [] }) =>
    targets.length === 0 ? [] : [[title, targets.map(({ expr }) => expr)] as const],
  );

  it.each(asked)('has an answer to each question of %s', async (_, expressions) => {
    for (const expression of expressions) {
      const question = expression.replaceAll('$__rate_interval', '1m').replaceAll(/\$\w+/g, '.*');
      expect((await prometheus.query(question)).length, question).toBeGreaterThan(0);
    }
  });
});
