import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  export interface ProvidedContext {
    /** A Chromium's executable. */
    chromium: string;
  }
}

const PLACES = ['chromium', '/usr/bin/chromium', 'chromium-browser', 'google-chrome'];
/** The browser, and letters for it where a machine has none. */
const PACKAGES = ['chromium', 'fonts-dejavu-core'];

/** Once for all tests; what is missing comes from Debian where that is possible. */
export default function provideBrowser(project: TestProject): void {
  project.provide('chromium', findBrowser());
}

export function findBrowser(): string {
  const found = placeOf() ?? placeAfterInstalling();
  if (found === null) {
    throw new Error(`the tests need Chromium; on Debian: apt-get install ${PACKAGES.join(' ')}`);
  }
  return found;
}

/** As a path: the one who starts a browser looks at no PATH. */
function placeOf(): string | null {
  for (const place of PLACES) {
    const { status, stdout } = spawnSync('/bin/sh', ['-c', 'command -v "$0"', place], { encoding: 'utf8' });
    if (status === 0) return stdout.trim();
  }
  return null;
}

function placeAfterInstalling(): string | null {
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return null;
  process.stderr.write('tests: Chromium is missing; installing it from Debian\n');
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  spawnSync('apt-get', ['update'], { stdio: 'ignore', env });
  spawnSync('apt-get', ['install', '-y', '--no-install-recommends', ...PACKAGES], { stdio: 'ignore', env });
  return placeOf();
}
