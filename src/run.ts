import { once } from 'node:events';
import type { Config, KeyServiceConfig } from './config/config.ts';
import { effectiveConfig } from './config/effective.ts';
import { demoText, makeDemoKeys } from './demo/keys.ts';
import { fleetToJson } from './key-service/member-calls.ts';
import type { Process } from './process.ts';
import { startTracing } from './run-tracing.ts';
import { RunningConfig, type ConfigFile, type Prepare } from './run-config.ts';
import { firstLinkText, surroundConsole } from './run-console.ts';
import { startGate, type RunningGate } from './run-gate.ts';
import type { RunningKeyService } from './run-key-service.ts';
import { createAdminServer } from './runtime/admin.ts';
import { StopStack } from './runtime/lifecycle.ts';
import { closeServer, hostAndPort, listen } from './runtime/listen.ts';
import { createLog } from './runtime/log.ts';
import { createMetrics } from './runtime/metrics.ts';
import { REVISION, VERSION } from './version.ts';

export interface RunOptions {
  readonly file: ConfigFile;
  readonly demo: boolean;
  /** Aborted when the process should end. The reason `SIGTERM` makes the gate serve on for `drain.delay`. */
  readonly stop: AbortSignal;
}

const LOG_FLUSH_MS = 1000;

/** Builds and runs what the configuration has, until `stop`. Rejects where a part cannot start; nothing is left running. */
export async function run({ file, demo, stop }: RunOptions): Promise<void> {
  const log = createLog(file.config.log.level);
  process.once('exit', () => log.flush());
  const metrics = createMetrics({ version: VERSION, revision: REVISION });
  const running = new RunningConfig(file, log, metrics);
  const stops = new StopStack();
  try {
    const prepare = await start(running, demo, { log, metrics, stops, stop });
    running.follow(async (next) => {
      const putInForce = await prepare(next);
      return () => {
        putInForce();
        log.setLevel(next.log.level);
      };
    });
    stops.push('configuration', () => running.close());
    log.flush();
    if (!stop.aborted) await once(stop, 'abort');
    log.info({ signal: String(stop.reason) }, 'stopping; a second signal ends the process at once');
    log.flush();
  } finally {
    for (const failure of await stops.stop()) log.error({ detail: failure }, 'a part did not stop cleanly');
  }
}

/** Starts the parts and answers how to ready all of them for another configuration. */
async function start(
  running: RunningConfig,
  demo: boolean,
  given: Omit<Process, 'tracing'>,
): Promise<Prepare> {
  const { config } = running;
  const { log, metrics, stops, stop } = given;
  const flushing = setInterval(() => log.flush(), LOG_FLUSH_MS);
  stops.push('log', () => clearInterval(flushing));

  let ready = false;
  let readMembers = membersOf(null, null);
  let readDecisions: RunningGate['decisions'] = () => [];
  let readJwks: RunningGate['jwks'] = () => ({ keys: [] });
  const { host, port } = config.admin;
  const admin = createAdminServer({
    token: () => running.config.admin.token,
    metrics,
    isReady: () => ready && !stop.aborted,
    effectiveConfig: () => effectiveConfig(running.config),
    members: () => readMembers(),
    decisions: (requestId) => readDecisions(requestId),
    jwks: () => readJwks(),
  });
  const adminPort = await listen(admin, host, port);
  stops.push('admin', () => closeServer(admin, 0));
  log.info({ url: urlOf(host, adminPort) }, 'admin listens');

  const parts = { ...given, tracing: await startTracing(config.tracing, given) };
  const keys = config.keyService === null ? null : await startKeys(config, config.keyService, parts);
  const gate = config.proxy === null ? null : await startGate(config, config.proxy, keys, parts);
  readMembers = membersOf(gate, keys);
  if (gate !== null) {
    readDecisions = (requestId) => gate.decisions(requestId);
    readJwks = () => gate.jwks();
  }
  if (keys !== null && keys.console !== null) surroundConsole(keys.console, () => running.config, gate);
  if (demo) {
    if (keys === null || config.proxy === null || gate === null)
      throw new Error('--demo needs both proxy and keyService in the file');
    // Straight to standard error: the keys are for the person who started this, and never pass through the log.
    const text = demoText(await makeDemoKeys(keys.service), config.proxy.host, gate.port);
    const link = keys.console === null ? null : await firstLinkText(keys.console);
    process.stderr.write(`\n${text}\n${link === null ? '' : `${link}\n`}`);
  }
  ready = true;
  log.flush();
  return async (next) => {
    const tokens = keys === null || next.keyService === null ? null : keys.prepare(next.keyService);
    const putGateInForce =
      gate === null || next.proxy === null ? null : await gate.prepare(next.proxy, tokens?.token ?? null);
    return () => {
      tokens?.putInForce();
      putGateInForce?.();
    };
  };
}

/** Loaded where it is wanted alone: a gate without one has a fifth less memory for it. */
async function startKeys(
  config: Config,
  section: KeyServiceConfig,
  parts: Process,
): Promise<RunningKeyService> {
  const { startKeyService } = await import('./run-key-service.ts');
  return startKeyService(config, section, parts);
}

/** What this process knows as a gate, and what it knows of the gates as their key service. */
function membersOf(gate: RunningGate | null, keys: RunningKeyService | null): () => Promise<object> {
  return async () => ({
    member: gate?.member() ?? null,
    fleet: keys === null ? null : fleetToJson(await keys.service.members()),
  });
}

function urlOf(host: string, port: number): string {
  return `http://${hostAndPort(host, port)}`;
}
