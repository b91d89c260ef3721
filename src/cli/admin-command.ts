import { InvalidArgumentError, type Command } from 'commander';
import { inspectShape, KEY_PREFIXES } from '../core/key-shape.ts';
import { openSession, type Session, type SessionOptions } from './session.ts';
import { BAD_USAGE, FAILED, type ExitCode, type Terminal } from './terminal.ts';

/** What the commands are given: where they write, and where their exit code goes. */
export interface Surroundings {
  readonly terminal: Terminal;
  readonly finish: (code: ExitCode) => void;
}

const MAX_DEFAULT = 1000;
const MAX_MOST = 1_000_000;

/** A command over the admin API, with the options all of them have. */
export function adminCommand(parent: Command, usage: string, description: string): Command {
  return parent
    .command(usage)
    .description(description)
    .option(
      '--config <file>',
      'the YAML file with the keyService section: where it listens, and its admin token',
    )
    .option('--url <url>', 'where the key service is, in place of what the file says')
    .option('--token-file <file>', 'file with the admin token, in place of what the file says')
    .option('--json', "print the API's own JSON and nothing else");
}

/** Runs `work` with a session and the command's arguments; its answer is the exit code. */
export function withSession(
  command: Command,
  { terminal, finish }: Surroundings,
  work: (session: Session, args: readonly string[]) => Promise<ExitCode>,
): void {
  command.action(async () => {
    const opened = openSession(command.opts<SessionOptions>(), terminal);
    if (opened.kind === 'bad_usage') command.error(`error: ${opened.why}`, { exitCode: BAD_USAGE });
    const args = command.processedArgs.map(String);
    finish(opened.kind === 'failed' ? FAILED : await work(opened.session, args));
  });
}

/** A command whose one argument is an id, given to `work` as a segment of a path. */
export function withId(
  command: Command,
  surroundings: Surroundings,
  work: (session: Session, segment: string) => Promise<ExitCode>,
): void {
  withSession(command, surroundings, (session, [id = '']) => work(session, segmentOf(id, command)));
}

/** Refused here is what would be another path, and a key: it would stand in the logs of all in between. */
export function segmentOf(id: string, command: Command, wanted = WANTED_OF_KEYS): string {
  if (inspectShape(id, Object.values(KEY_PREFIXES)) !== 'foreign') {
    command.error(`error: this is a key; ${wanted}`, { exitCode: BAD_USAGE });
  }
  if (/^\.{0,2}$/.test(id)) command.error('error: an id is wanted', { exitCode: BAD_USAGE });
  return encodeURIComponent(id);
}

const WANTED_OF_KEYS = 'its id is wanted, which `plexgate keys list` shows';

export function listOption(command: Command): Command {
  return command.option('--max <number>', 'list at most so many', readMax, MAX_DEFAULT);
}

function readMax(text: string): number {
  const max = /^\d{1,7}$/.test(text) ? Number(text) : 0;
  if (max < 1 || max > MAX_MOST) throw new InvalidArgumentError(`A number from 1 to ${MAX_MOST} is wanted.`);
  return max;
}

/** An option that may be given again, each time with one more. */
export function oneMore(text: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), text];
}
