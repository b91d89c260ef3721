import { readdirSync, readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { ALERT_RULES, runbookOf, type AlertRule } from '../../scripts/dashboards/alert-rules.ts';
import { manifestsOf, only } from '../chart/renders.ts';
import { KEYS } from './alerts/keys.ts';
import { LIMITS } from './alerts/limits.ts';
import { PROCESS } from './alerts/process.ts';
import { JOB, seriesName, type AlertCase, type Firing, type Scene } from './alerts/scene.ts';
import { TRAFFIC } from './alerts/traffic.ts';
import { promtool, type Verdict } from './promtool.ts';

const CASES: readonly AlertCase[] = [...TRAFFIC, ...KEYS, ...LIMITS, ...PROCESS];

interface RuleFile {
  readonly groups: readonly { readonly name: string; readonly rules: readonly AlertRule[] }[];
}

/** What the chart renders for a cluster. */
let rendered: RuleFile;

beforeAll(async () => {
  const manifests = await manifestsOf('smallest', undefined, '--set', 'prometheusRule.enabled=true');
  rendered = only(manifests, 'PrometheusRule').spec as RuleFile;
});

function ruleOf(alert: string): AlertRule {
  const rule = rendered.groups.flatMap(({ rules }) => rules).find((one) => one.alert === alert);
  if (rule === undefined) throw new Error(`the chart does not render ${alert}`);
  return rule;
}

/** A test of promtool's: what fires in a scene, by this alert. */
function promtoolTest(alert: string, at: number, scene: Scene, expected: readonly object[]): object {
  return {
    interval: '1m',
    input_series: Object.entries(scene).map(([series, values]) => ({ series: seriesName(series), values })),
    alert_rule_test: [{ eval_time: `${at}m`, alertname: alert, exp_alerts: expected }],
  };
}

function firing(rule: AlertRule, { labels = {}, says }: Firing): object {
  // Nothing is there of which it could name the job.
  const isOfAJob = rule.alert !== 'PlexgateAbsent';
  const description = isOfAJob ? `${JOB.namespace}/${JOB.job}: ${says}` : rule.annotations['description'];
  return {
    exp_labels: { ...rule.labels, ...(isOfAJob ? JOB : {}), ...labels },
    exp_annotations: { ...rule.annotations, description },
  };
}

function judge(rule: AlertRule, tests: readonly object[]): Promise<Verdict> {
  return promtool(['test', 'rules', 'tests.json'], {
    'rules.json': { groups: [{ name: 'alone', rules: [rule] }] },
    'tests.json': { rule_files: ['rules.json'], evaluation_interval: '1m', tests },
  });
}

async function expectByPromtool(rule: AlertRule, tests: readonly object[]): Promise<void> {
  const { output, isContent } = await judge(rule, tests);
  expect(isContent ? '' : output).toBe('');
}

describe.concurrent.each(CASES.map((one) => [one.alert, one] as const))('the alert %s', (alert, one) => {
  const { at, begins, fires, quiet } = one;

  it.each(Object.entries(fires))('fires where %s', async (_, expected) => {
    const rule = ruleOf(alert);
    await expectByPromtool(rule, [promtoolTest(alert, at, expected.scene, [firing(rule, expected)])]);
  });

  it('waits until it has lasted', async () => {
    const rule = ruleOf(alert);
    const [first] = Object.values(fires);
    const minutes = Number.parseInt(rule.for);
    const noneAt = (minute: number): object => promtoolTest(alert, minute, first?.scene ?? {}, []);
    await expectByPromtool(rule, [noneAt(begins + minutes - 1)]);
    const { isContent } = await judge(rule, [noneAt(begins + minutes)]);
    expect(isContent, 'it does not fire then, either').toBe(false);
  });

  it.each(Object.entries(quiet))('does not where %s', async (_, scene) => {
    await expectByPromtool(ruleOf(alert), [promtoolTest(alert, at, scene, [])]);
  });
});

describe('the alerts', () => {
  it('are all shown to fire and not to fire', () => {
    expect(CASES.map(({ alert }) => alert).sort()).toEqual(ALERT_RULES.map(({ alert }) => alert).sort());
    for (const { fires, quiet } of CASES) {
      expect([Object.keys(fires).length, Object.keys(quiet).length]).not.toContain(0);
    }
  });

  it('are rules that promtool takes, as the chart renders them', async () => {
    const { isContent, output } = await promtool(['check', 'rules', 'rules.json'], {
      'rules.json': rendered,
    });
    expect(isContent, output).toBe(true);
    expect(output).toContain(`${ALERT_RULES.length} rules found`);
  });
});

describe('the runbooks', () => {
  const pages = new Map(
    readdirSync('docs/runbooks').map((file) => [file, readFileSync(`docs/runbooks/${file}`, 'utf8')]),
  );

  it('are one for each alert, and the alert leads to it', () => {
    expect([...pages.keys()].sort()).toEqual(ALERT_RULES.map(({ alert }) => `${runbookOf(alert)}.md`).sort());
    for (const { alert } of ALERT_RULES) {
      const url = ruleOf(alert).annotations['runbook_url'] ?? '';
      expect(url).toMatch(/^https:.*\/docs\/runbooks\/[a-z-]+\.md$/);
      expect(pages.get(url.split('/').at(-1) ?? ''), alert).toMatch(new RegExp(`^# ${alert}\n`));
    }
  });

  it.each([...pages])('%s says what it means, how to see it, what to do and when it ends', (_, text) => {
    expect(text.match(/^## .*$/gm)).toEqual([
      '## What it means',
      '## How to see it',
      '## What to do',
      '## When it ends',
    ]);
    expect(text.split(/^## .*$/m).filter((part) => part.trim() === '')).toEqual([]);
  });
});
