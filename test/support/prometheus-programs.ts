import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

interface Programs {
  readonly prometheus: string;
  readonly promtool: string;
}

let found: Programs | null = null;

/** Before the first test: several test files must not install one after the other. */
export default function preparePrometheus(): void {
  prometheusPrograms();
}

/** Where Prometheus' programs are. What is missing comes from Debian where that is possible. */
export function prometheusPrograms(): Programs {
  found ??= placesOfAll() ?? placesAfterInstalling();
  if (found === null) {
    throw new Error('the tests need prometheus and promtool; on Debian: apt-get install prometheus');
  }
  return found;
}

function placesOfAll(): Programs | null {
  const [prometheus, promtool] = ['prometheus', 'promtool'].map((name) =>
    [name, `/usr/bin/${name}`].find(
      (place) => spawnSync(place, ['--version'], { stdio: 'ignore' }).status === 0,
    ),
  );
  return prometheus === undefined || promtool === undefined ? null : { prometheus, promtool };
}

function placesAfterInstalling(): Programs | null {
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return null;
  process.stderr.write('tests: Prometheus is missing; installing it from Debian\n');
  // At run level 1 Debian starts no service of its own.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  spawnSync('apt-get', ['update'], { stdio: 'ignore', env });
  const install = ['install', '-y', '--no-install-recommends', 'prometheus'];
  spawnSync('apt-get', install, { stdio: 'ignore', env });
  return placesOfAll();
}
