import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ALERT_RULES, alertRule, thresholdOf, type AlertRule } from '../../scripts/dashboards/alert-rules.ts';
import { REASONS } from '../../src/core/reasons.ts';
import { createMetrics } from '../../src/runtime/metrics.ts';
import { CHART, ROOT } from './helm.ts';
import { manifestsOf, only } from './renders.ts';

interface Panel {
  readonly title: string;
  readonly type: string;
  readonly description?: string;
  readonly datasource?: { readonly uid: string };
  readonly fieldConfig?: {
    readonly defaults: { readonly unit?: string; readonly thresholds?: { readonly steps: readonly Step[] } };
  };
  readonly links?: readonly { readonly title: string; readonly url: string }[];
  readonly targets?: readonly {
    readonly expr: string;
    readonly legendFormat: string;
    readonly refId: string;
    readonly datasource: { readonly uid: string };
  }[];
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
}
interface Step {
  readonly color: string;
  readonly value: number | null;
}
interface Variable {
  readonly name: string;
  readonly type: string;
  readonly query: { readonly query: string };
}
interface Dashboard {
  readonly title: string;
  readonly uid: string;
  readonly editable: boolean;
  readonly templating: { readonly list: readonly Variable[] };
  readonly panels: readonly Panel[];
}

const DASHBOARD_FOLDER = join(CHART, 'files/dashboards');
const DASHBOARDS = readdirSync(DASHBOARD_FOLDER).map(
  (file) => [file, readFileSync(join(DASHBOARD_FOLDER, file), 'utf8')] as const,
);

const metrics = await createMetrics({ version: '', revision: '' }).describe();
const exposed = new Set(
  metrics.flatMap(({ name, type }) =>
    type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
  ),
);

function unknownMetrics(expression: string): string[] {
  const named = expression.match(/\b(?:up\b|(?:plexgate|process|nodejs)_[a-z0-9_]+)/g) ?? [];
  expect(named.length).toBeGreaterThan(0);
  // Prometheus makes `up` itself.
  return named.filter((name) => name !== 'up' && !exposed.has(name));
}

describe.each(ALERT_RULES.map((rule) => [rule.alert, rule] as const))('the alert %s', (name, rule) => {
  it('asks for metrics that a gate or key service exposes, of a whole job', () => {
    expect(unknownMetrics(rule.expr)).toEqual([]);
    expect(rule.expr).toMatch(name === 'PlexgateAbsent' ? /^absent\(/ : /by \(namespace, job/);
  });

  it('compares with one threshold, which values may change', () => {
    expect(thresholdOf(rule).value).toBeGreaterThanOrEqual(0);
  });

  it('says how bad it is, what has happened and for how long', () => {
    expect(rule.labels['severity']).toMatch(/^(?:critical|warning|info)$/);
    const { summary = '', description = '' } = rule.annotations;
    expect(summary).toMatch(/\w/);
    if (name !== 'PlexgateAbsent')
      expect(description).toMatch(/^\{\{ \$labels\.namespace \}\}\/\{\{ \$labels\.job \}\}: /);
    // Two scrapes at least, of the interval that the chart's monitors have.
    expect(rule.for).toMatch(/^[1-9][0-9]*m$/);
  });
});

it('the alerts name only reasons of refusals that there are', () => {
  const lists = ALERT_RULES.flatMap(({ expr }) => [...expr.matchAll(/reason=~"([^"]+)"/g)]);
  const named = lists.flatMap(([, list = '']) => list.split('|'));
  expect(named.length).toBeGreaterThan(0);
  expect(named.filter((reason) => !Object.hasOwn(REASONS, reason))).toEqual([]);
});

describe('the rules of a release', () => {
  it('are those of the files, changed as the values say, and the ones of whoever installs', async () => {
    const { spec } = only(await manifestsOf('monitoring'), 'PrometheusRule');
    const { groups } = spec as { groups: { name: string; rules: AlertRule[] }[] };
    const rules = groups.flatMap((group) => group.rules);
    const names = ALERT_RULES.map(({ alert }) => alert).filter((name) => name !== 'PlexgateKnowledgeOld');
    expect(rules.map(({ alert }) => alert)).toEqual([...names, 'ShopQuiet']);
    const changed = rules.find(({ alert }) => alert === 'PlexgateErrorRateHigh');
    const original = alertRule('PlexgateErrorRateHigh');
    expect(original.expr.match(/> 0\.0144$/gm)).toHaveLength(2);
    expect(changed).toMatchObject({
      expr: original.expr.replaceAll('> 0.0144', '> 0.01'),
      for: '10m',
      labels: { severity: 'page' },
      annotations: {
        ...original.annotations,
        runbook_url: 'https://github.com/plexgate/plexgate/blob/main/docs/runbooks/error-rate-high.md',
      },
    });
  });
});

/** What there is to be seen, in this order; a dashboard may leave some out. */
const ROWS = ['Requests', 'Authentication', 'Limits', 'Cache', 'Dependencies', 'Process'];
const VARIABLES = ['namespace', 'job', 'instance', 'route', 'tier'];
const CHOSEN = 'namespace=~"$namespace",job=~"$job",instance=~"$instance"';

describe.each(DASHBOARDS)('the dashboard %s', (_, text) => {
  const dashboard = JSON.parse(text) as Dashboard;
  const panels = dashboard.panels.filter(({ type }) => type !== 'row');
  const targets = panels.flatMap((panel) => panel.targets ?? []);

  it('is fixed, and of one version of its form', () => {
    expect(dashboard).toMatchObject({
      editable: false,
      uid: expect.stringMatching(/^plexgate-/),
      schemaVersion: 39,
    });
    expect(dashboard).not.toHaveProperty('id');
  });

  it('asks for its source, and lets choose what is there while one looks', () => {
    const [source, ...others] = dashboard.templating.list;
    expect(source).toMatchObject({ name: 'datasource', type: 'datasource', query: 'prometheus' });
    expect(others.map(({ name }) => name)).toEqual(VARIABLES);
    for (const variable of others) {
      expect(variable).toMatchObject({
        type: 'query',
        datasource: { uid: '${datasource}' },
        multi: true,
        includeAll: true,
        allValue: '.*',
        refresh: 2,
      });
      const [, metric = '', label] =
        /^label_values\((\w+)(?:\{.*\})?, (\w+)\)$/.exec(variable.query.query) ?? [];
      expect([exposed.has(metric), label]).toEqual([true, variable.name]);
      expect(targets.some(({ expr }) => expr.includes(`${variable.name}=~"$${variable.name}"`))).toBe(true);
    }
  });

  it('goes from requests to what they depend on', () => {
    const rows = dashboard.panels.filter(({ type }) => type === 'row').map(({ title }) => title);
    expect(rows.length).toBeGreaterThan(3);
    expect(rows).toEqual(ROWS.filter((title) => rows.includes(title)));
  });

  it('has of each panel a title, a meaning, a unit, a source and a question, and no two in one place', () => {
    for (const panel of panels) {
      expect([panel.title, panel.description, panel.fieldConfig?.defaults.unit]).toEqual([
        expect.stringMatching(/./),
        expect.stringMatching(/\.$/),
        expect.stringMatching(/./),
      ]);
      expect(panel.datasource?.uid).toBe('${datasource}');
      expect(panel.targets?.length).toBeGreaterThan(0);
      expect(new Set(panel.targets?.map(({ refId }) => refId)).size).toBe(panel.targets?.length);
    }
    expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length);
    const places = dashboard.panels.map(({ gridPos: { x, y } }) => `${x} ${y}`);
    expect(new Set(places).size).toBe(places.length);
  });

  it('colours each number by the threshold of the alert whose runbook it leads to', () => {
    const numbers = panels.filter(({ type }) => type === 'stat');
    expect(numbers.length).toBeGreaterThan(2);
    for (const { title, links = [], fieldConfig } of numbers) {
      const alert = links[0]?.title.replace('Runbook of ', '') ?? '';
      const { value, isBelow } = thresholdOf(alertRule(alert));
      expect(fieldConfig?.defaults.thresholds?.steps, title).toEqual([
        { color: isBelow ? 'red' : 'green', value: null },
        { color: isBelow ? 'green' : 'red', value },
      ]);
    }
  });

  it('leads to runbooks that are there', () => {
    const links = panels.flatMap((panel) => panel.links ?? []);
    expect(links.length).toBeGreaterThan(5);
    for (const { url } of links) {
      expect(existsSync(join(ROOT, url.replace(/^.*\/main\//, ''))), url).toBe(true);
    }
  });

  it('shows of a histogram the median and the 95th and 99th percentiles', () => {
    for (const { title, targets: asked = [] } of panels) {
      const quantiles = asked.flatMap(({ expr }) => /^histogram_quantile\(([\d.]+),/.exec(expr)?.[1] ?? []);
      if (quantiles.length > 0) expect(quantiles, title).toEqual(['0.5', '0.95', '0.99']);
    }
  });

  it.each(targets.map((target) => [target.expr, target] as const))('asks %s', (expression, target) => {
    expect(target.datasource.uid).toBe('${datasource}');
    expect(target.legendFormat).toMatch(/./);
    expect(unknownMetrics(expression)).toEqual([]);
    const named = expression.match(/\b(?:up|(?:plexgate|process|nodejs)_\w+)\b/g) ?? [];
    const selections = expression.match(/\{[^}]*\}/g) ?? [];
    expect(selections).toHaveLength(named.length);
    for (const selection of selections) expect(selection).toContain(`{${CHOSEN}`);
    const counters = expression.match(/\w+_(?:total|bucket)\b/g) ?? [];
    expect(counters.length).toBe(
      (expression.match(/rate\(\w+_(?:total|bucket)\{[^}]*\}\[\$__rate_interval\]\)/g) ?? []).length,
    );
    // Whatever is shown is of jobs or of something in the configuration, not of each pod.
    expect(expression).toMatch(/\b(?:sum|min|max|count)\b/);
    expect(expression).not.toMatch(/by \([^)]*\b(?:instance|pod)\b/);
  });
});

it('the dashboards are two, and show every metric of ours', () => {
  expect(DASHBOARDS).toHaveLength(2);
  const all = DASHBOARDS.map(([, text]) => text).join('\n');
  const own = metrics.map(({ name }) => name).filter((name) => name.startsWith('plexgate_'));
  expect(own.filter((name) => !new RegExp(`\\b${name}(?:_bucket)?\\{`).test(all))).toEqual([]);
});

describe('what Prometheus and Grafana are given', () => {
  it('is where and as the values say', async () => {
    const manifests = await manifestsOf('monitoring');
    const byKind = (kind: string) => only(manifests, kind);
    expect(byKind('ServiceMonitor')).toMatchObject({
      metadata: { namespace: 'monitoring', labels: { release: 'prometheus' } },
      spec: {
        jobLabel: 'app.kubernetes.io/name',
        namespaceSelector: { matchNames: ['default'] },
        endpoints: [{ port: 'metrics', interval: '15s', scrapeTimeout: '10s' }],
      },
    });
    const service = manifests.find(({ metadata }) => metadata.name === 'demo-plexgate-metrics');
    const { selector } = byKind('ServiceMonitor').spec as { selector: { matchLabels: object } };
    expect(service?.metadata.labels).toMatchObject(selector.matchLabels);
    expect(service?.spec).toMatchObject({
      clusterIP: 'None',
      ports: [{ name: 'metrics', targetPort: 9090 }],
    });
    expect(byKind('PodMonitor').spec).toMatchObject({ podMetricsEndpoints: [{ port: 'plexgate-admin' }] });
  });

  it('is every dashboard, in a map that is not too large, under the label that is looked for', async () => {
    const manifests = await manifestsOf('monitoring');
    const map = manifests.find(({ metadata }) => metadata.name === 'demo-plexgate-dashboards');
    expect(map?.metadata).toMatchObject({
      labels: { grafana_dashboard: '1' },
      annotations: { grafana_folder: 'Gates' },
    });
    expect(Object.keys(map?.data ?? {})).toEqual(DASHBOARDS.map(([file]) => file));
    for (const [file, text] of DASHBOARDS) expect(map?.data?.[file]).toBe(text.trim());
    expect(JSON.stringify(map).length).toBeLessThan(1024 * 1024);
    expect(manifests.filter(({ kind }) => kind === 'GrafanaDashboard')).toHaveLength(DASHBOARDS.length);
  });
});
