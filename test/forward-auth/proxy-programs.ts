import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** Programs and Debian's packages of them; its nginx has auth_request built in, its HAProxy Lua. */
const WANTED = { nginx: 'nginx-light', caddy: 'caddy', haproxy: 'haproxy' } as const;

/** Before the first test: several test files must not install one after the other. */
export default function prepareProxies(): void {
  if (missing().length > 0) install(missing());
  const packages = missing();
  if (packages.length > 0) {
    throw new Error(
      `the tests need nginx, caddy and haproxy; on Debian: apt-get install ${packages.join(' ')}`,
    );
  }
}

function missing(): string[] {
  return Object.entries(WANTED)
    .filter(([program]) => !places(program).some(existsSync))
    .map(([, name]) => name);
}

function places(program: string): string[] {
  const folders = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/usr/bin'];
  return folders.map((folder) => `${folder}/${program}`);
}

function install(packages: readonly string[]): void {
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return;
  process.stderr.write(`tests: ${packages.join(', ')} missing; installing from Debian\n`);
  // At run level 1 Debian starts no service of its own.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  spawnSync('apt-get', ['update'], { stdio: 'ignore', env });
  const args = ['install', '-y', '--no-install-recommends', ...packages];
  spawnSync('apt-get', args, { stdio: 'ignore', env });
}
