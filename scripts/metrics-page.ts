import { createMetrics } from '../src/runtime/metrics.ts';

/** docs/metrics.md, made from what is registered. */
export async function metricsPage(): Promise<string> {
  const described = await createMetrics({ version: '', revision: '' }).describe();
  const row = ({ name, type, help, labels }: (typeof described)[number]): string =>
    `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${help} |`;
  const own = described.filter(({ name }) => name.startsWith('plexgate_'));
  const others = described.filter(({ name }) => !name.startsWith('plexgate_'));
  return `# Metrics

Made from \`src/runtime/metrics.ts\` by \`npm run docs\`; do not edit.

\`GET /metrics\` on the admin port. Labels come from the configuration and from fixed lists: \`route\` is the id of a
route (\`none\` where no route matched), \`upstream\` its origin, \`tier\` is \`profile/tier\`, \`reason\` a word of
[errors.md](errors.md), \`method\` a known method or \`_OTHER\`. No client can make a series. A scraper that asks for
OpenMetrics by its Accept header gets it. With ten routes and four tiers a gate has some 1,400 series in 130 kB.

| metric | type | labels | meaning |
|---|---|---|---|
${own.map(row).join('\n')}

Beside them Node's own:

| metric | type | labels | meaning |
|---|---|---|---|
${others.map(row).join('\n')}
`;
}
