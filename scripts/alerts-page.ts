import { ALERT_RULES, runbookOf, thresholdOf } from './dashboards/alert-rules.ts';

/** docs/alerts.md, made from the rules of the chart. */
export function alertsPage(): string {
  const rows = ALERT_RULES.map((rule) => {
    const { value, isBelow } = thresholdOf(rule);
    const runbook = `[${rule.alert}](runbooks/${runbookOf(rule.alert)}.md)`;
    const summary = rule.annotations['summary'] ?? '';
    return `| ${runbook} | ${rule.labels['severity']} | ${isBelow ? '<' : '>'} ${value} for ${rule.for} | ${summary} |`;
  });
  return `# Alerts

Made from \`helm/plexgate/files/alerts\` by \`npm run docs\`; do not edit.

The chart's PrometheusRule brings these with \`prometheusRule.enabled\`. \`prometheusRule.alerts.NAME\` switches one off or
changes its \`threshold\`, \`for\` and \`severity\`. The rules are plain files that any Prometheus takes, from
[helm/plexgate/files/alerts](../helm/plexgate/files/alerts/); the metrics are those of [metrics.md](metrics.md). Each alert
leads to its runbook: what it means for users, how to see it, what to do, and when it ends. Of severity \`critical\` are
those that users notice or that concern what a revoked key can do; \`info\` tells and asks for nothing.

| alert | severity | fires at | says |
|---|---|---|---|
${rows.join('\n')}
`;
}
