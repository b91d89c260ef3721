import { hash } from 'node:crypto';
import type { Config } from './config/config.ts';
import { effectiveConfig } from './config/effective.ts';
import { takeOver } from './config/live.ts';
import { loadFromRead } from './config/load-aside.ts';
import type { Loaded } from './config/load.ts';
import { formatMistake } from './config/mistake.ts';
import { FileWatch, type Reading } from './runtime/file-watch.ts';
import type { LevelledLog } from './runtime/log.ts';
import type { Metrics } from './runtime/metrics.ts';

/** A configuration as the process began with it. */
export interface ConfigFile {
  readonly path: string;
  readonly config: Config;
  /** What its file and the files of its secrets held when they were read. */
  readonly read: Reading;
}

/** Readies a configuration and answers how to put it in force, in one turn. Rejects where that cannot be. */
export type Prepare = (next: Config) => Promise<() => void>;

/** A file may be wrong in every line; this many mistakes are enough to see what is wrong. */
const LOGGED_MISTAKES = 50;

/**
 * The configuration in force, and the file it comes from, which is followed together with the files of its secrets. A
 * changed file takes effect as a whole; one that is wrong or cannot be put in force is refused, which the log and the
 * metrics say, and what was in force stays.
 */
export class RunningConfig {
  readonly #path: string;
  readonly #log: LevelledLog;
  readonly #metrics: Metrics;
  readonly #read: Reading;
  #config: Config;
  #watch: FileWatch | null = null;
  #isClosed = false;
  /** Of the configuration in force, as the metric has it. */
  #hash: string | null = null;

  constructor({ path, config, read }: ConfigFile, log: LevelledLog, metrics: Metrics) {
    this.#path = path;
    this.#config = config;
    this.#read = read;
    this.#log = log;
    this.#metrics = metrics;
    for (const result of ['ok', 'error']) metrics.configReloads.labels(result).inc(0);
    this.#tellInForce([]);
  }

  get config(): Config {
    return this.#config;
  }

  follow(prepare: Prepare): void {
    this.#watch = new FileWatch({ first: this.#read, onChange: (now) => this.#take(now, prepare) });
  }

  /** What is in force now stays. */
  close(): void {
    this.#isClosed = true;
    this.#watch?.close();
  }

  async #take(reading: Reading, prepare: Prepare): Promise<void> {
    try {
      const { loaded, unread } = await loadFromRead({ path: this.#path, env: process.env, read: reading });
      // It names files that are not followed yet: they are read, and all is judged together.
      if (unread.length > 0) return this.#watch?.follow([this.#path, ...loaded.secretFiles]);
      if (loaded.kind === 'mistakes') return this.#refuse(loaded.mistakes.map(formatMistake));
      await this.#adopt(loaded, prepare);
    } catch (error) {
      this.#refuse((error instanceof Error ? error.message : 'unknown error').split('\n'));
    }
  }

  async #adopt(loaded: Extract<Loaded, { kind: 'config' }>, prepare: Prepare): Promise<void> {
    const { config, waiting } = takeOver(this.#config, loaded.config);
    const putInForce = await prepare(config);
    if (this.#isClosed) return;
    putInForce();
    this.#config = config;
    this.#watch?.follow([this.#path, ...loaded.secretFiles]);
    this.#metrics.configReloads.labels('ok').inc();
    this.#tellInForce(waiting);
    this.#logInForce(loaded, waiting);
  }

  #refuse(mistakes: readonly string[]): void {
    this.#metrics.configReloads.labels('error').inc();
    this.#metrics.configSuccessful.set(0);
    const file = this.#path;
    for (const detail of mistakes.slice(0, LOGGED_MISTAKES)) {
      this.#log.error({ file, detail }, 'mistake in the configuration');
    }
    const detail = `${mistakes.length} ${mistakes.length === 1 ? 'mistake' : 'mistakes'}`;
    this.#log.error({ file, detail }, 'configuration refused; the one before stays in force');
    this.#log.flush();
  }

  #tellInForce(waiting: readonly string[]): void {
    const { configInfo, configSuccessful, configSuccessAt, configWaiting } = this.#metrics;
    const effective = JSON.stringify(effectiveConfig(this.#config));
    if (this.#hash !== null) configInfo.remove(this.#hash);
    this.#hash = hash('sha256', effective).slice(0, 12);
    configInfo.labels(this.#hash).set(1);
    configSuccessful.set(1);
    configSuccessAt.set(Date.now() / 1000);
    configWaiting.set(waiting.length);
  }

  #logInForce({ warnings }: Extract<Loaded, { kind: 'config' }>, waiting: readonly string[]): void {
    const file = this.#path;
    for (const warning of warnings) this.#log.warn({ file, detail: formatMistake(warning) }, 'warning');
    this.#log.info({ file }, 'configuration read anew and in force');
    if (waiting.length > 0) {
      this.#log.warn({ file, detail: waiting.join(', ') }, 'changed, but in force only after a restart');
    }
    this.#log.flush();
  }
}
