import { writeFileSync } from 'node:fs';
import { configReference } from '../src/config/reference.ts';
import { alertsPage } from './alerts-page.ts';
import { chartReadme } from './chart-readme.ts';
import { chartSchema } from './chart-schema.ts';
import { dashboardJson } from './dashboards/dashboard.ts';
import { KEYS_AND_LIMITS } from './dashboards/keys-and-limits.ts';
import { OVERVIEW } from './dashboards/overview.ts';
import { dependenciesPage } from './dependencies-page.ts';
import { errorsPage } from './errors-page.ts';
import { metricsPage } from './metrics-page.ts';
import { openApiPage } from './openapi-page.ts';

/** Pages that are made from the code. A test compares each with its file. */
export const GENERATED_PAGES: readonly (readonly [file: string, text: () => string | Promise<string>])[] = [
  ['docs/alerts.md', alertsPage],
  ['docs/config.md', configReference],
  ['docs/dependencies.md', dependenciesPage],
  ['docs/errors.md', errorsPage],
  ['docs/metrics.md', metricsPage],
  ['docs/openapi.json', openApiPage],
  ['helm/plexgate/files/dashboards/keys-and-limits.json', () => dashboardJson(KEYS_AND_LIMITS)],
  ['helm/plexgate/files/dashboards/overview.json', () => dashboardJson(OVERVIEW)],
  ['helm/plexgate/README.md', chartReadme],
  ['helm/plexgate/values.schema.json', chartSchema],
];

if (import.meta.main) {
  for (const [file, text] of GENERATED_PAGES) {
    writeFileSync(new URL(`../${file}`, import.meta.url), await text());
  }
}
