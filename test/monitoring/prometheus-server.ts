import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../commands/running-program.ts';
import { boundCommand } from '../support/bound-command.ts';
import { prometheusPrograms } from '../support/prometheus-programs.ts';
import { freePorts } from '../support/redis-programs.ts';

export interface Target {
  readonly health: string;
  readonly lastError: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface EvaluatedRule {
  readonly name: string;
  readonly health: string;
  readonly lastError?: string;
}

export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [at: number, value: string];
}

/** A Prometheus of the test's own. */
export interface PrometheusServer {
  /** Series of an expression; rejects with Prometheus' words where it is none. */
  query(expression: string): Promise<readonly Series[]>;
  targets(): Promise<readonly Target[]>;
  rules(): Promise<readonly EvaluatedRule[]>;
  /** Names of everything it has series of. */
  names(): Promise<readonly string[]>;
  /** All it knows of metrics' types. */
  types(): Promise<Readonly<Record<string, string>>>;
  stop(): Promise<void>;
}

/** Scrapes targets by host and port every second, and evaluates rules as often. */
export async function startPrometheus(
  targets: readonly string[],
  ruleFile: unknown,
): Promise<PrometheusServer> {
  const folder = mkdtempSync(join(tmpdir(), 'plexgate-prometheus-'));
  const [port = 0] = await freePorts(1);
  writeFileSync(join(folder, 'rules.json'), JSON.stringify(ruleFile));
  writeFileSync(
    join(folder, 'prometheus.json'),
    JSON.stringify({
      global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
      rule_files: ['rules.json'],
      scrape_configs: [
        { job_name: 'plexgate', static_configs: [{ targets, labels: { namespace: 'tests' } }] },
      ],
    }),
  );
  const [command, args] = boundCommand(prometheusPrograms().prometheus, [
    '--config.file=prometheus.json',
    '--storage.tsdb.path=data',
    `--web.listen-address=127.0.0.1:${port}`,
    '--log.level=warn',
  ]);
  const child = spawn(command, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  const origin = `http://127.0.0.1:${port}`;
  const log = logOf(child);
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const isReady = (): Promise<boolean> =>
      fetch(`${origin}/-/ready`).then(
        ({ status }) => status === 200,
        () => child.exitCode !== null,
      );
    await until(isReady, log);
    if (child.exitCode !== null) throw new Error(`Prometheus ended:\n${log()}`);
  } catch (error) {
    await stop();
    throw error;
  }
  return { ...questionsTo(origin), stop };
}

function logOf(child: ChildProcess): () => string {
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  return () => output;
}

function questionsTo(origin: string): Omit<PrometheusServer, 'stop'> {
  const ask = async <T>(path: string): Promise<T> => {
    const answer = (await (await fetch(`${origin}/api/v1/${path}`)).json()) as { data?: T; error?: string };
    if (answer.data === undefined) throw new Error(answer.error);
    return answer.data;
  };
  return {
    async query(expression) {
      const { result } = await ask<{ result: readonly Series[] }>(
        `query?query=${encodeURIComponent(expression)}`,
      );
      return result;
    },
    names: () => ask('label/__name__/values'),
    targets: async () => (await ask<{ activeTargets: readonly Target[] }>('targets')).activeTargets,
    async rules() {
      const { groups } = await ask<{ groups: readonly { rules: readonly EvaluatedRule[] }[] }>('rules');
      return groups.flatMap(({ rules }) => rules);
    },
    async types() {
      const known = await ask<Record<string, readonly { type: string }[]>>('metadata');
      return Object.fromEntries(Object.entries(known).map(([name, [first]]) => [name, first?.type ?? '']));
    },
  };
}
