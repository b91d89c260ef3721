import type { Command } from 'commander';
import { readFile } from 'node:fs/promises';
import { textOf, whyUnreadable, type FileText } from '../config/checked-text.ts';
import { CLEAR_KEY } from '../config/keys-file/fields.ts';
import { digestOf } from '../core/secret.ts';
import type { Surroundings } from './admin-command.ts';
import { FAILED, OK, type ExitCode, type Terminal } from './terminal.ts';

/** `plexgate keys hash [FILE]`: never of an argument, which every user of the machine can see. */
export function addHashCommand(keys: Command, { terminal, finish }: Surroundings): void {
  keys
    .command('hash [file]')
    .description('print the SHA-256 of keys, one in each line of standard input or of a file')
    .action(async (file: string | undefined) => finish(await printDigests(file, terminal)));
}

async function printDigests(file: string | undefined, terminal: Terminal): Promise<ExitCode> {
  const read = await readKeys(file, terminal);
  if (read.kind === 'unreadable') {
    // Without its name: it may be a key that was meant to be read from a file.
    terminal.err(`plexgate: the file ${read.why}; keys are read from a file or from standard input\n`);
    return FAILED;
  }
  const lines = read.text.replace(/\r?\n$/, '').split(/\r?\n/);
  const wrong = lines.flatMap((line, i) => (CLEAR_KEY.test(line) ? [] : [i + 1]));
  for (const line of wrong) {
    terminal.err(`line ${line} is no key: 8 to 512 visible ASCII characters without " , ; are wanted\n`);
  }
  if (wrong.length > 0) return FAILED;
  terminal.out(lines.map((line) => `${digestOf(line)}\n`).join(''));
  return OK;
}

async function readKeys(file: string | undefined, terminal: Terminal): Promise<FileText> {
  try {
    if (file !== undefined) return textOf(await readFile(file));
    if (terminal.typed) terminal.err('one key in each line, then Ctrl-D\n');
    return textOf(await terminal.readInput());
  } catch (error) {
    return whyUnreadable(error);
  }
}
