import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { describe, expect, it } from 'vitest';
import { createMetrics } from '../../src/runtime/metrics.ts';
import { CHART, ROOT } from './helm.ts';
import { manifestsOf, only } from './renders.ts';

interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}
interface Panel {
  readonly title: string;
  readonly type: string;
  readonly description?: string;
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
  readonly targets?: readonly { readonly expr: string; readonly datasource: { readonly uid: string } }[];
}
interface Dashboard {
  readonly uid: string;
  readonly editable: boolean;
  readonly templating: { readonly list: readonly { readonly name: string }[] };
  readonly panels: readonly Panel[];
}

const filesIn = (folder: string): readonly (readonly [file: string, text: string])[] =>
  readdirSync(join(CHART, 'files', folder)).map((file) => [
    file,
    readFileSync(join(CHART, 'files', folder, file), 'utf8'),
  ]);

const ALERTS = filesIn('alerts').flatMap(([, text]) =>
  (parse(text) as { groups: { rules: AlertRule[] }[] }).groups.flatMap(({ rules }) => rules),
);
const DASHBOARDS = filesIn('dashboards');

const metrics = await createMetrics({ version: '', revision: '' }).describe();
const exposed = new Set(
  metrics.flatMap(({ name, type }) =>
    type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
  ),
);

function unknownMetrics(expression: string): string[] {
  const named = expression.match(/\b(?:plexgate|process|nodejs)_[a-z0-9_]+/g) ?? [];
  expect(named.length).toBeGreaterThan(0);
  return named.filter((name) => !exposed.has(name));
}

describe.each(ALERTS.map((rule) => [rule.alert, rule] as const))('the alert %s', (name, rule) => {
  it('asks for metrics that a gate or key service exposes, of a whole job', () => {
    expect(unknownMetrics(rule.expr)).toEqual([]);
    expect(rule.expr).toMatch(/by \(namespace, job/);
  });

  it('ends with its threshold, which values may change', () => {
    expect(rule.expr).toMatch(/[<>] [0-9.]+$/);
  });

  it('says how bad it is, what has happened and what to do', () => {
    expect(rule.labels['severity']).toMatch(/^(?:critical|warning|info)$/);
    expect(rule.annotations).toMatchObject({ summary: expect.any(String), description: expect.any(String) });
    expect(rule.annotations['description']).toContain('{{ $labels.');
    expect(rule.for).toMatch(/^[1-9][0-9]*m$/);
    expect(readFileSync(join(ROOT, 'docs/alerts.md'), 'utf8')).toContain(`\n## ${name}\n`);
  });
});

describe('the rules of a release', () => {
  it('are those of the files, changed as the values say, and the ones of whoever installs', async () => {
    const { spec } = only(await manifestsOf('monitoring'), 'PrometheusRule');
    const { groups } = spec as { groups: { name: string; rules: AlertRule[] }[] };
    const rules = groups.flatMap((group) => group.rules);
    const names = ALERTS.map(({ alert }) => alert).filter((name) => name !== 'PlexgateKnowledgeOld');
    expect(rules.map(({ alert }) => alert)).toEqual([...names, 'ShopQuiet']);
    const changed = rules.find(({ alert }) => alert === 'PlexgateErrorRateHigh');
    const original = ALERTS.find(({ alert }) => alert === 'PlexgateErrorRateHigh');
    expect(changed).toMatchObject({
      expr: original?.expr.replace(/0\.05$/, '0.01'),
      for: '10m',
      labels: { severity: 'page' },
      annotations: {
        ...original?.annotations,
        runbook_url: 'https://github.com/plexgate/plexgate/blob/main/docs/alerts.md#plexgateerrorratehigh',
      },
    });
  });
});

describe.each(DASHBOARDS)('the dashboard %s', (_, text) => {
  const dashboard = JSON.parse(text) as Dashboard;
  const panels = dashboard.panels.filter(({ type }) => type !== 'row');
  const targets = panels.flatMap((panel) => panel.targets ?? []);

  it('is fixed, and asks for its source, job and instance', () => {
    expect(dashboard).toMatchObject({ editable: false, uid: expect.stringMatching(/^plexgate-/) });
    expect(dashboard).not.toHaveProperty('id');
    expect(dashboard.templating.list.map(({ name }) => name)).toEqual(['datasource', 'job', 'instance']);
  });

  it('has of each panel a title, a meaning, a unit and a question', () => {
    for (const panel of panels) {
      expect([panel.title, panel.description, panel.fieldConfig?.defaults.unit]).toEqual([
        expect.stringMatching(/./),
        expect.stringMatching(/\.$/),
        expect.stringMatching(/./),
      ]);
      expect(panel.targets?.length).toBeGreaterThan(0);
    }
  });

  it.each(targets.map(({ expr, datasource }) => [expr, datasource.uid]))('asks %s', (expression, source) => {
    expect(source).toBe('${datasource}');
    expect(unknownMetrics(expression)).toEqual([]);
    const selections = expression.match(/\{[^}]*\}/g) ?? [];
    for (const selection of selections) expect(selection).toContain('job=~"$job",instance=~"$instance"');
    const counters = expression.match(/\w+_(?:total|bucket)\b/g) ?? [];
    expect(counters.length).toBe(
      (expression.match(/rate\(\w+_(?:total|bucket)\{[^}]*\}\[\$__rate_interval\]\)/g) ?? []).length,
    );
  });
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
