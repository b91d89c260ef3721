import { readFileSync } from 'node:fs';

const packageJson = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/** The version of package.json. */
export const VERSION = packageJson.version;
/** The commit the program was built from, where the build says so. */
export const REVISION = process.env['PLEXGATE_REVISION'] ?? 'unknown';
