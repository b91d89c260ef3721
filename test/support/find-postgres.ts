import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const DEBIAN = '/usr/lib/postgresql';
const NEEDED = ['initdb', 'postgres', 'pg_dump'];

/** Before the first test: the servers of several test files must not install one after the other. */
export default function preparePostgres(): void {
  findPostgres();
}

/** The folder of PostgreSQL's programs. What is missing comes from Debian where that is possible. */
export function findPostgres(): string {
  const found = folderWithAll() ?? folderAfterInstalling();
  if (found === null) {
    throw new Error(
      `the tests need PostgreSQL's ${NEEDED.join(', ')}; on Debian: apt-get install postgresql`,
    );
  }
  return found;
}

function folderWithAll(): string | null {
  const onPath = (process.env['PATH'] ?? '').split(delimiter);
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = [...onPath, ...versions.map((version) => join(DEBIAN, version, 'bin'))];
  return folders.find((folder) => NEEDED.every((name) => existsSync(join(folder, name)))) ?? null;
}

function folderAfterInstalling(): string | null {
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return null;
  process.stderr.write('tests: PostgreSQL is missing; installing it from Debian\n');
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  spawnSync('apt-get', ['update'], { stdio: 'ignore', env });
  const install = ['install', '-y', '--no-install-recommends', 'postgresql'];
  spawnSync('apt-get', install, { stdio: 'ignore', env });
  return folderWithAll();
}
