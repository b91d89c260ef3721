import { readdirSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';

const FOLDER = new URL('../../helm/plexgate/files/alerts/', import.meta.url);

export interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** What an alert compares with, and whether it fires below it. */
export interface Threshold {
  readonly value: number;
  readonly isBelow: boolean;
}

/** Every alert of the chart, in the order of the files. */
export const ALERT_RULES: readonly AlertRule[] = readdirSync(FOLDER)
  .sort()
  .flatMap((file) => {
    const { groups } = parse(readFileSync(new URL(file, FOLDER), 'utf8')) as {
      groups: { rules: AlertRule[] }[];
    };
    return groups.flatMap(({ rules }) => rules);
  });

export function alertRule(name: string): AlertRule {
  const rule = ALERT_RULES.find(({ alert }) => alert === name);
  if (rule === undefined) throw new Error(`there is no alert ${name}`);
  return rule;
}

/** The one number that an alert compares with, at the end of each line that compares. */
export function thresholdOf({ alert, expr }: AlertRule): Threshold {
  const found = Array.from(expr.matchAll(/([<>]) ([0-9.]+)$/gm), ([, sign, number]) => `${sign} ${number}`);
  const [first, ...others] = new Set(found);
  if (first === undefined || others.length > 0) throw new Error(`${alert} has not one threshold`);
  return { value: Number(first.slice(2)), isBelow: first.startsWith('<') };
}

/** The name of an alert's runbook without its ending, which the chart makes in the same way. */
export function runbookOf(alert: string): string {
  return alert
    .replace(/^Plexgate/, '')
    .replace(/(?<=[a-z0-9])[A-Z]/g, '-$&')
    .toLowerCase();
}
