import { hash } from 'node:crypto';
import { once } from 'node:events';
import type { Config } from './config/config.ts';
import { effectiveConfig } from './config/effective.ts';
import { demoText, makeDemoKeys } from './demo/keys.ts';
import { fleetToJson } from './key-service/member-calls.ts';
import type { Process } from './process.ts';
import type { RunningProxy } from './proxy/start.ts';
import { startGate } from './run-gate.ts';
import { startKeyService, type RunningKeyService } from './run-key-service.ts';
import { createAdminServer } from './runtime/admin.ts';
import { StopStack } from './runtime/lifecycle.ts';
import { closeServer, hostAndPort, listen } from './runtime/listen.ts';
import { createLog } from './runtime/log.ts';
import { createMetrics } from './runtime/metrics.ts';
import { REVISION, VERSION } from './version.ts';

export interface RunOptions {
  readonly config: Config;
  readonly demo: boolean;
  /** Aborted when the process should end. The reason `SIGTERM` makes the gate serve on for `drain.delay`. */
  readonly stop: AbortSignal;
}

const LOG_FLUSH_MS = 1000;

/** Builds and runs what the configuration has, until `stop`. Rejects where a part cannot start; nothing is left running. */
export async function run({ config, demo, stop }: RunOptions): Promise<void> {
  const log = createLog(config.log.level);
  process.once('exit', () => log.flush());
  const metrics = createMetrics({ version: VERSION, revision: REVISION });
  const stops = new StopStack();
  try {
    await start(config, demo, { log, metrics, stops, stop });
    log.flush();
    if (!stop.aborted) await once(stop, 'abort');
    log.info({ signal: String(stop.reason) }, 'stopping; a second signal ends the process at once');
    log.flush();
  } finally {
    for (const failure of await stops.stop()) log.error({ detail: failure }, 'a part did not stop cleanly');
  }
}

async function start(config: Config, demo: boolean, parts: Process): Promise<void> {
  const { log, metrics, stops, stop } = parts;
  const flushing = setInterval(() => log.flush(), LOG_FLUSH_MS);
  stops.push('log', () => clearInterval(flushing));
  const effective = effectiveConfig(config);
  metrics.configInfo.labels(hash('sha256', JSON.stringify(effective)).slice(0, 12)).set(1);

  let ready = false;
  let readMembers = membersOf(null, null);
  const { host, port, token } = config.admin;
  const admin = createAdminServer({
    token,
    metrics,
    isReady: () => ready && !stop.aborted,
    effectiveConfig: () => effective,
    members: () => readMembers(),
  });
  const adminPort = await listen(admin, host, port);
  stops.push('admin', () => closeServer(admin, 0));
  log.info({ url: urlOf(host, adminPort) }, 'admin listens');

  const keys = config.keyService === null ? null : await startKeyService(config, config.keyService, parts);
  const gate = config.proxy === null ? null : await startGate(config, config.proxy, keys, parts);
  readMembers = membersOf(gate, keys);
  if (demo) {
    if (keys === null || config.proxy === null || gate === null)
      throw new Error('--demo needs both proxy and keyService in the file');
    // Straight to standard error: the keys are for the person who started this, and never pass through the log.
    const text = demoText(await makeDemoKeys(keys.service), config.proxy.host, gate.port);
    process.stderr.write(`\n${text}\n`);
  }
  ready = true;
  log.flush();
}

/** What this process knows as a gate, and what it knows of the gates as their key service. */
function membersOf(gate: RunningProxy | null, keys: RunningKeyService | null): () => Promise<object> {
  return async () => ({
    member: gate?.member() ?? null,
    fleet: keys === null ? null : fleetToJson(await keys.service.members()),
  });
}

function urlOf(host: string, port: number): string {
  return `http://${hostAndPort(host, port)}`;
}
