import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { CHART, chartValues } from './chart-values.ts';

const ROOT = new URL('../', import.meta.url);

interface ChartFile {
  readonly description: string;
  readonly version: string;
  readonly appVersion: string;
  readonly kubeVersion: string;
}

const TEMPLATES = `Templates for the pod of the service, each given \`.Subcharts.plexgate\`:

| template | where |
|---|---|
| \`plexgate.sidecarInitContainers\` | \`initContainers\`, first; the gate where the cluster has native sidecars, else nothing |
| \`plexgate.sidecarContainers\` | \`containers\`; the gate where it is no native sidecar, else nothing |
| \`plexgate.sidecar\` | the gate's container by itself, for a place of one's own choice |
| \`plexgate.sidecarIsNative\` | \`true\` or nothing |
| \`plexgate.sidecarVolumes\` | \`volumes\` |
| \`plexgate.sidecarPodLabels\` | \`labels\` of the pod |
| \`plexgate.sidecarPodAnnotations\` | \`annotations\` of the pod |
| \`plexgate.sidecarGraceSeconds\` | \`terminationGracePeriodSeconds\`, at least |
| \`plexgate.imagePullSecrets\` | \`imagePullSecrets\` |`;

/** helm/plexgate/README.md, made from Chart.yaml and the comments of values.yaml. */
export function chartReadme(): string {
  const chart = parse(readFileSync(new URL(`${CHART}/Chart.yaml`, ROOT), 'utf8')) as ChartFile;
  const rows = chartValues(ROOT).map(
    ({ path, description, standard }) =>
      `| \`${path}\` | ${inCell(`\`${JSON.stringify(standard)}\``)} | ${inCell(description)} |`,
  );
  return `# Plexgate

Made from \`Chart.yaml\` and \`values.yaml\` by \`npm run docs\`; do not edit.

${chart.description}. Chart ${chart.version} of Plexgate ${chart.appVersion}, for Kubernetes ${chart.kubeVersion.replace('-0', '')}.

[Plexgate on Kubernetes](https://github.com/plexgate/plexgate/blob/main/docs/kubernetes.md) tells how to begin, what is
proven and how to upgrade. Installed with no values at all, the chart says what is missing.

## Gateway

\`\`\`yaml
config:
  proxy:
    routes:
      - upstream: http://my-service:80
secrets:
  existingSecret: plexgate # service-token, admin-token, pepper-p1, database-url
keyService:
  enabled: true
externalRedis:
  url: redis://redis:6379
\`\`\`

## Sidecar

\`\`\`yaml
# Chart.yaml of the service
dependencies:
  - name: plexgate
    version: ${chart.version}
    repository: oci://ghcr.io/plexgate/charts
\`\`\`

${TEMPLATES}

## Values

| value | default | meaning |
|---|---|---|
${rows.join('\n')}
`;
}

function inCell(text: string): string {
  return text.replaceAll('|', '\\|');
}
