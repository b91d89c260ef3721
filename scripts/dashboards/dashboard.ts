import { alertRule, runbookOf, thresholdOf } from './alert-rules.ts';
import type { Query } from './query.ts';

export interface Panel {
  readonly title: string;
  /** What it shows, as a sentence. */
  readonly description: string;
  readonly unit: string;
  readonly queries: readonly Query[];
  /** Alerts whose runbooks say what to do about what it shows. */
  readonly alerts?: readonly string[];
  /** One number, in the colours of this alert's threshold, rather than a graph. */
  readonly numberOf?: string;
}

export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

export interface Dashboard {
  readonly title: string;
  readonly uid: string;
  readonly rows: readonly Row[];
}

const DOCS = 'https://github.com/plexgate/plexgate/blob/main/docs';
const SOURCE = { type: 'prometheus', uid: '${datasource}' };
const WIDTH = 24;
const PANEL = { w: 8, h: 8 };

/** The file that Grafana reads. */
export function dashboardJson({ title, uid, rows }: Dashboard): string {
  const dashboard = {
    title,
    uid,
    schemaVersion: 39,
    version: 1,
    editable: false,
    tags: ['plexgate'],
    timezone: '',
    refresh: '30s',
    time: { from: 'now-1h', to: 'now' },
    templating: { list: variables() },
    annotations: { list: [] },
    links: [
      { title: 'Alerts', type: 'link', url: `${DOCS}/alerts.md`, targetBlank: true },
      { title: 'Metrics', type: 'link', url: `${DOCS}/metrics.md`, targetBlank: true },
    ],
    panels: laidOut(rows),
  };
  return `${JSON.stringify(dashboard, null, 2)}\n`;
}

function variables() {
  const build = 'plexgate_build_info';
  const chosen = 'namespace=~"$namespace",job=~"$job",instance=~"$instance"';
  const source = { name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus' };
  return [
    { ...source, current: {}, options: [] },
    variable('namespace', build),
    variable('job', `${build}{namespace=~"$namespace"}`),
    variable('instance', `${build}{namespace=~"$namespace",job=~"$job"}`),
    variable('route', `plexgate_http_requests_in_flight{${chosen}}`),
    variable('tier', `plexgate_ratelimit_decisions_total{${chosen}}`),
  ];
}

/** All values of a label, read anew when the time changes; more than one may be chosen. */
function variable(label: string, series: string) {
  return {
    name: label,
    label,
    type: 'query',
    datasource: SOURCE,
    query: { query: `label_values(${series}, ${label})`, refId: label },
    refresh: 2,
    multi: true,
    includeAll: true,
    allValue: '.*',
    current: {},
    options: [],
    sort: 1,
  };
}

/** Three panels beside each other, each row under its title. */
function laidOut(rows: readonly Row[]): object[] {
  let y = 0;
  return rows.flatMap(({ title, panels }) => {
    const heading = {
      title,
      type: 'row',
      collapsed: false,
      gridPos: { h: 1, w: WIDTH, x: 0, y },
      panels: [],
    };
    const top = y + 1;
    y = top + Math.ceil((panels.length * PANEL.w) / WIDTH) * PANEL.h;
    const placed = panels.map((panel, i) => ({
      ...panelJson(panel),
      gridPos: {
        ...PANEL,
        x: (i * PANEL.w) % WIDTH,
        y: top + Math.floor((i * PANEL.w) / WIDTH) * PANEL.h,
      },
    }));
    return [heading, ...placed];
  });
}

function panelJson({ title, description, unit, queries, alerts = [], numberOf }: Panel) {
  const linked = numberOf === undefined ? alerts : [numberOf, ...alerts];
  return {
    title,
    description,
    type: numberOf === undefined ? 'timeseries' : 'stat',
    datasource: SOURCE,
    fieldConfig: {
      defaults: { unit, min: 0, ...(numberOf === undefined ? {} : { thresholds: coloursOf(numberOf) }) },
      overrides: [],
    },
    ...(numberOf === undefined
      ? {}
      : { options: { reduceOptions: { calcs: ['lastNotNull'], values: false } } }),
    links: linked.map((alert) => ({
      title: `Runbook of ${alertRule(alert).alert}`,
      url: `${DOCS}/runbooks/${runbookOf(alert)}.md`,
      targetBlank: true,
    })),
    targets: queries.map(([expr, legendFormat], i) => ({
      datasource: SOURCE,
      expr,
      legendFormat,
      refId: String.fromCharCode(65 + i),
    })),
  };
}

/** Red is where the alert fires. */
function coloursOf(alert: string) {
  const { value, isBelow } = thresholdOf(alertRule(alert));
  const [low, high] = isBelow ? ['red', 'green'] : ['green', 'red'];
  return {
    mode: 'absolute',
    steps: [
      { color: low, value: null },
      { color: high, value },
    ],
  };
}
