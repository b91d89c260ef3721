import { Command, CommanderError } from 'commander';
import type { Config } from './config/config.ts';
import { configJsonSchema } from './config/json-schema.ts';
import { loadConfig } from './config/load.ts';
import { formatMistake } from './config/mistake.ts';
import { run } from './run.ts';
import { VERSION } from './version.ts';

const OK = 0;
const CHECK_FAILED = 1;
const BAD_USAGE = 2;

/** Runs the command line and returns the exit code: 0, 1 a failed check or start, 2 bad usage. */
export async function runCommand(argv: readonly string[]): Promise<number> {
  let exitCode = OK;
  const program = new Command('plexgate')
    .description('An API-key gate for HTTP services')
    .version(VERSION)
    .exitOverride()
    .showHelpAfterError();

  program
    .command('run')
    .description('run what the file has: proxy, keyService, or both in one process')
    .requiredOption('--config <file>', 'the YAML file')
    .option('--demo', 'make fresh demo keys and print lines to paste, for the routes of config/plexgate.yaml')
    .action(async ({ config, demo }: { config: string; demo?: true }) => {
      const loaded = load(config);
      exitCode = loaded === null ? CHECK_FAILED : await runUntilStopped(loaded, demo === true);
    });

  program
    .command('check')
    .description('report every mistake of the file at once')
    .requiredOption('--config <file>', 'the YAML file')
    .action(({ config }: { config: string }) => {
      if (load(config) === null) exitCode = CHECK_FAILED;
      else process.stdout.write(`${config}: good\n`);
    });

  program
    .command('schema')
    .description('print the JSON Schema of the YAML')
    .action(() => {
      process.stdout.write(`${JSON.stringify(configJsonSchema(), null, 2)}\n`);
    });

  try {
    await program.parseAsync([...argv]);
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? OK : BAD_USAGE;
  }
  return exitCode;
}

function load(file: string): Config | null {
  const loaded = loadConfig(file, process.env);
  if (loaded.kind === 'config') {
    for (const warning of loaded.warnings) process.stderr.write(`warning: ${formatMistake(warning)}\n`);
    return loaded.config;
  }
  for (const mistake of loaded.mistakes) process.stderr.write(`${formatMistake(mistake)}\n`);
  const count = loaded.mistakes.length;
  process.stderr.write(`${file}: ${count} ${count === 1 ? 'mistake' : 'mistakes'}\n`);
  return null;
}

const LAST_WORDS_MS = 1_000;

async function runUntilStopped(config: Config, demo: boolean): Promise<number> {
  try {
    await run({ config, demo, stop: stopSignal() });
    return OK;
  } catch (error) {
    process.stderr.write(`plexgate: ${error instanceof Error ? error.message : 'cannot start'}\n`);
    return CHECK_FAILED;
  } finally {
    // All is stopped; only the log may still wait, for a reader who has stopped.
    setTimeout(() => process.exit(), LAST_WORDS_MS).unref();
  }
}

/** npm passes on the Ctrl-C that the terminal has sent to all; both come within this time and are one wish. */
const ECHO_MS = 500;

/** Aborted by the first SIGTERM or SIGINT, which is the reason. A second one ends the process at once. */
function stopSignal(): AbortSignal {
  const stopping = new AbortController();
  let stoppedAt = 0;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (stopping.signal.aborted) {
      if (performance.now() - stoppedAt > ECHO_MS) process.exit(CHECK_FAILED);
      return;
    }
    stoppedAt = performance.now();
    stopping.abort(signal);
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  return stopping.signal;
}
