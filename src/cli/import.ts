import type { Command } from 'commander';
import { readText } from '../config/checked-text.ts';
import { readImportList } from '../config/keys-file/import-list.ts';
import { formatMistake } from '../config/mistake.ts';
import { adminCommand, withSession, type Surroundings } from './admin-command.ts';
import { plainCell } from './table.ts';
import { FAILED, OK } from './terminal.ts';

const PATH = '/admin/v1/keys/import';
/** The service's limit for an import, and time for it to keep 100,000 keys. */
const DEADLINE_MS = 120_000;

/** `plexgate keys import FILE`: all keys of the list, or none. */
export function addImportCommand(keys: Command, surroundings: Surroundings): void {
  const command = adminCommand(
    keys,
    'import <file>',
    'take over keys made elsewhere, from a JSON or YAML list',
  ).option('--hash', 'the list has keys in clear as `key`; digest them here, so that they never travel');
  withSession(command, surroundings, async (session, [file = '']) => {
    const { hash } = command.opts<{ hash?: boolean }>();
    const list = readImportList(readText(file), file, hash === true);
    if (list.kind === 'mistakes') {
      for (const mistake of list.mistakes) session.terminal.err(`${formatMistake(mistake)}\n`);
      const count = list.mistakes.length;
      session.terminal.err(`${file}: ${count} ${count === 1 ? 'mistake' : 'mistakes'}; nothing was sent\n`);
      return FAILED;
    }
    const { keys: entries, placeOf } = list;
    const call = { method: 'POST', path: PATH, body: { keys: entries }, deadlineMs: DEADLINE_MS } as const;
    const imported = await session.call(call, 201, placeOf);
    if (imported.kind === 'failed') return FAILED;
    session.show(imported.body, (body) => `${plainCell(body['imported'])} keys imported\n`);
    return OK;
  });
}
