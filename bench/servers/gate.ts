import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LOAD_CORE, SERVER_CORE } from '../machine.ts';
import { freePort, type Programs } from '../program.ts';
import { keyServiceOf, makeKeys, type KeyService } from './key-service.ts';
import { urlIn } from './said.ts';
import { GUARDS, HAS_NO_LIMITS, LIMITS, type Server } from './server.ts';

export type Mode = 'leased' | 'exact' | 'memory' | 'off';

const CASES_OF = { leased: GUARDS, exact: LIMITS, memory: LIMITS, off: HAS_NO_LIMITS };

export interface RunningGate extends Server {
  /** Where the second door is. */
  readonly askedAt: string | null;
  readonly keyService: KeyService;
}

export interface GateOptions {
  readonly mode: Mode;
  readonly upstream: string;
  /** The second door; without it there is none. */
  readonly forwardAuth?: object;
  /** Written under `routes` before the one that takes all. */
  readonly routes?: readonly object[];
}

/** The gate with all that it does switched on: keys, limits, metrics, log. */
export async function startGate(programs: Programs, options: GateOptions): Promise<RunningGate> {
  const { mode } = options;
  const keyService = await keyServiceOf(programs);
  const redis = mode === 'leased' || mode === 'exact' ? await startRedis(programs) : null;
  const file = join(programs.folder, `gate-${mode}-${randomBytes(4).toString('hex')}.yaml`);
  // JSON is YAML.
  writeFileSync(file, JSON.stringify(configOf(options, redis, keyService.url)));
  const started = programs.start(SERVER_CORE, [process.execPath, 'dist/main.js', 'run', '--config', file], {
    BENCH_SERVICE_TOKEN: keyService.token,
    NODE_OPTIONS: optionsOfImage(),
  });
  const [origin = '', askedAt] = await programs.said(started, (output) => {
    const names = ['gate', ...(options.forwardAuth === undefined ? [] : ['forward-auth'])];
    const urls = names.map((name) => urlIn(output, `${name} listens`));
    return urls.every((url) => url !== null) ? urls : null;
  });
  const keys = await makeKeys(keyService);
  const server = { name: `gate ${mode}`, origin, pid: started.pid, keys, cases: CASES_OF[mode] };
  return { ...server, askedAt: askedAt ?? null, keyService };
}

/** The gate runs as it does in its image, whose heap is bounded more closely than by default. */
function optionsOfImage(): string {
  const options = /NODE_OPTIONS="([^"]*)"/.exec(readFileSync('Dockerfile', 'utf8'))?.[1];
  if (options === undefined) throw new Error('the Dockerfile has no NODE_OPTIONS');
  return options;
}

function configOf(
  { mode, upstream, forwardAuth, routes = [] }: GateOptions,
  redis: string | null,
  keyService: string,
): object {
  const wide = mode === 'off' ? 'unlimited' : ['6000000/minute'];
  return {
    admin: { port: 0 },
    ...(redis === null ? {} : { redis: { url: redis } }),
    ...(forwardAuth === undefined ? {} : { forwardAuth }),
    proxy: {
      host: '127.0.0.1',
      port: 0,
      limits: { mode: mode === 'exact' ? 'exact' : 'leased' },
      keys: { service: { url: keyService, token: '${BENCH_SERVICE_TOKEN}' } },
      // All come from one address, and 401 is one of the cases.
      failedAuthentication: 'off',
      tiers: { plexe: { bench: wide, strict: ['1/minute'] } },
      routes: [...routes, { match: { path: '/' }, profile: 'plexe', upstream }],
    },
  };
}

/** A Redis of its own, so that no other's calls are among the gate's. */
export async function startRedis(programs: Programs): Promise<string> {
  const port = await freePort();
  const settings = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
  const started = programs.start(LOAD_CORE, ['redis-server', ...settings, '--dir', programs.folder]);
  await programs.listens(started, port);
  return `redis://127.0.0.1:${port}`;
}
