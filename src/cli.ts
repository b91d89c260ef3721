import { Command, CommanderError } from 'commander';
import { addKeyCommands } from './cli/keys.ts';
import { addOwnerCommands } from './cli/owners.ts';
import { BAD_USAGE, FAILED, OK, processTerminal, type ExitCode } from './cli/terminal.ts';
import type { Config } from './config/config.ts';
import { configJsonSchema } from './config/json-schema.ts';
import { loadKeysFile } from './config/keys-file/keys-file.ts';
import { loadConfig } from './config/load.ts';
import { formatMistake, type Mistake } from './config/mistake.ts';
import { run } from './run.ts';
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
    .option('--demo', 'make fresh demo keys and print a curl line for each header format', false)
    .action(async ({ config, demo }: { config: string; demo: boolean }) => {
      const loaded = load(config);
      exitCode = loaded === null ? FAILED : await runUntilStopped(loaded, demo);
    });

  program
    .command('check')
    .description('report every mistake of the file at once')
    .requiredOption('--config <file>', 'the YAML file')
    .action(({ config }: { config: string }) => {
      exitCode = load(config) === null ? FAILED : OK;
      if (exitCode === OK) process.stdout.write(`${config}: good\n`);
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
  if (loaded.kind === 'mistakes') return refuse(file, loaded.mistakes);
  for (const warning of loaded.warnings) process.stderr.write(`warning: ${formatMistake(warning)}\n`);
  const keysFile = loaded.config.proxy?.keys.file ?? null;
  if (keysFile === null) return loaded.config;
  const keys = loadKeysFile(keysFile);
  return keys.kind === 'mistakes' ? refuse(keysFile, keys.mistakes) : loaded.config;
}

function refuse(file: string, mistakes: readonly Mistake[]): null {
  for (const mistake of mistakes) process.stderr.write(`${formatMistake(mistake)}\n`);
  const count = mistakes.length;
  process.stderr.write(`${file}: ${count} ${count === 1 ? 'mistake' : 'mistakes'}\n`);
  return null;
}

async function runUntilStopped(config: Config, demo: boolean): Promise<ExitCode> {
  const stopping = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      stopping.abort();
      // A second signal means now.
      process.once(signal, () => process.exit(FAILED));
    });
  }
  try {
    await run({ config, demo, stop: stopping.signal });
    return OK;
  } catch (error) {
    process.stderr.write(`plexgate: ${error instanceof Error ? error.message : 'cannot start'}\n`);
    return FAILED;
  }
}
