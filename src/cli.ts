import { Command, CommanderError } from 'commander';
import { addExplainCommand } from './cli/explain.ts';
import { addHealthcheckCommand } from './cli/healthcheck.ts';
import { addKeyCommands } from './cli/keys.ts';
import { addOperatorCommands } from './cli/operators.ts';
import { addOwnerCommands } from './cli/owners.ts';
import { BAD_USAGE, FAILED, OK, processTerminal, type ExitCode } from './cli/terminal.ts';
import { readText, type FileText } from './config/checked-text.ts';
import { configJsonSchema } from './config/json-schema.ts';
import { loadKeysFile } from './config/keys-file/keys-file.ts';
import { loadConfig } from './config/load.ts';
import { formatMistake, type Mistake } from './config/mistake.ts';
import type { ConfigFile } from './run-config.ts';
import { VERSION } from './version.ts';

/** Runs the command line and returns the exit code: 0, 1 a failed check or start, 2 bad usage. */
export async function runCommand(argv: readonly string[], terminal = processTerminal()): Promise<number> {
  let exitCode: ExitCode = OK;
  const program = new Command('plexgate')
    .description('An API-key gate for HTTP services')
    .version(VERSION)
    .exitOverride()
    .configureOutput({ writeOut: (text) => terminal.out(text), writeErr: (text) => terminal.err(text) })
    .showHelpAfterError();

  program
    .command('run')
    .description('run what the file has: proxy, keyService, or both in one process')
    .requiredOption('--config <file>', 'the YAML file')
    .option('--demo', 'make fresh demo keys and print lines to paste, for the routes of config/plexgate.yaml')
    .action(async ({ config, demo }: { config: string; demo?: true }) => {
      const loaded = load(config);
      exitCode = loaded === null ? FAILED : await runUntilStopped(loaded, demo === true);
    });

  program
    .command('check')
    .description('report every mistake of the file at once')
    .requiredOption('--config <file>', 'the YAML file')
    .action(({ config }: { config: string }) => {
      if (load(config) === null) exitCode = FAILED;
      else process.stdout.write(`${config}: good\n`);
    });

  program
    .command('schema')
    .description('print the JSON Schema of the YAML')
    .action(() => {
      process.stdout.write(`${JSON.stringify(configJsonSchema(), null, 2)}\n`);
    });

  const surroundings = { terminal, finish: (code: ExitCode) => void (exitCode = code) };
  addKeyCommands(program, surroundings);
  addOwnerCommands(program, surroundings);
  addOperatorCommands(program, surroundings);
  addExplainCommand(program, surroundings);
  addHealthcheckCommand(program, surroundings);

  try {
    await program.parseAsync([...argv]);
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? OK : BAD_USAGE;
  }
  return exitCode;
}

function load(path: string): ConfigFile | null {
  const read = new Map<string, FileText>();
  const loaded = loadConfig(path, process.env, (name) => {
    const text = readText(name);
    read.set(name, text);
    return text;
  });
  if (loaded.kind === 'mistakes') return refuse(path, loaded.mistakes);
  for (const warning of loaded.warnings) process.stderr.write(`warning: ${formatMistake(warning)}\n`);
  const file = { path, config: loaded.config, read };
  const keysFile = loaded.config.proxy?.keys.file ?? null;
  if (keysFile === null) return file;
  const keys = loadKeysFile(keysFile);
  return keys.kind === 'mistakes' ? refuse(keysFile, keys.mistakes) : file;
}

function refuse(file: string, mistakes: readonly Mistake[]): null {
  for (const mistake of mistakes) process.stderr.write(`${formatMistake(mistake)}\n`);
  const count = mistakes.length;
  process.stderr.write(`${file}: ${count} ${count === 1 ? 'mistake' : 'mistakes'}\n`);
  return null;
}

const LAST_WORDS_MS = 1_000;

async function runUntilStopped(file: ConfigFile, demo: boolean): Promise<ExitCode> {
  try {
    // Loaded here alone: the other commands need none of it, and one of them is run every few seconds.
    const { run } = await import('./run.ts');
    await run({ file, demo, stop: stopSignal() });
    return OK;
  } catch (error) {
    process.stderr.write(`plexgate: ${error instanceof Error ? error.message : 'cannot start'}\n`);
    return FAILED;
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
      if (performance.now() - stoppedAt > ECHO_MS) process.exit(FAILED);
      return;
    }
    stoppedAt = performance.now();
    stopping.abort(signal);
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  return stopping.signal;
}
