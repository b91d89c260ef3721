import type { Command } from 'commander';
import {
  adminCommand,
  listOption,
  oneMore,
  withId,
  withSession,
  type Surroundings,
} from './admin-command.ts';
import { addHashCommand } from './hash.ts';
import { addImportCommand } from './import.ts';
import { listAll } from './pages.ts';
import { propagationText, type Session } from './session.ts';
import { instantCell, jsonOf, plainCell, sheet, table, type Column, type Json } from './table.ts';
import { FAILED, OK, printable, type ExitCode } from './terminal.ts';

const KEYS = '/admin/v1/keys';

/** `plexgate keys ...` */
export function addKeyCommands(program: Command, surroundings: Surroundings): void {
  const keys = program.command('keys').description('make, list, end and move keys over the admin API');
  addCreate(keys, surroundings);
  addList(keys, surroundings);
  withId(
    adminCommand(keys, 'show <id>', 'show all of a key but the key itself'),
    surroundings,
    async (session, id) => {
      const shown = await session.call({ method: 'GET', path: `${KEYS}/${id}` }, 200);
      if (shown.kind === 'failed') return FAILED;
      session.show(shown.body, (body) => sheet(body, ALL));
      return OK;
    },
  );
  addRevoke(keys, surroundings);
  addRotate(keys, surroundings);
  addImportCommand(keys, surroundings);
  addHashCommand(keys, surroundings);
}

interface CreateOptions {
  readonly owner: string;
  readonly name: string;
  readonly profile: string;
  readonly permission: string;
  readonly expiresAt?: string;
  readonly limit?: readonly string[];
  readonly mcp?: readonly string[];
}

function addCreate(keys: Command, surroundings: Surroundings): void {
  const command = adminCommand(keys, 'create', 'make a key; it is shown once')
    .requiredOption('--owner <id>', 'whose key it is')
    .requiredOption('--name <name>', 'what people call it')
    .requiredOption('--profile <profile>', 'plexe, plextera, plexmcp or standard')
    .requiredOption('--permission <permission>', 'read_only or read_write')
    .option('--expires-at <instant>', 'when it ends, such as 2030-01-31T12:00:00Z')
    .option('--limit <limit>', 'a limit of its own, such as 100/minute; may be given again', oneMore)
    .option('--mcp <id>', 'an MCP server it may reach, in place of all; may be given again', oneMore);
  withSession(command, surroundings, async (session) => {
    const { owner, name, profile, permission, expiresAt, limit, mcp } = command.opts<CreateOptions>();
    const body = { owner, name, profile, permission, expires_at: expiresAt, limits: limit, mcps: mcp };
    const made = await session.call({ method: 'POST', path: KEYS, body }, 201);
    if (made.kind === 'failed') return FAILED;
    session.show(made.body, (key) => `Key ${idOf(key)} of ${ownerOf(key)}, shown once:\n${newKey(key)}\n`);
    return OK;
  });
}

interface ListOptions {
  readonly owner?: string;
  readonly profile?: string;
  readonly status?: string;
  readonly workspace?: string;
  readonly name?: string;
  readonly max: number;
}

function addList(keys: Command, surroundings: Surroundings): void {
  const command = listOption(adminCommand(keys, 'list', 'list keys, all that the filters let pass'))
    .option('--owner <id>', 'of this owner')
    .option('--profile <profile>', 'of this profile')
    .option('--status <status>', 'active, expired or revoked')
    .option('--workspace <id>', 'of owners in this workspace')
    .option('--name <text>', 'with this in the name');
  withSession(command, surroundings, async (session) => {
    const { owner, profile, status, workspace, name, max } = command.opts<ListOptions>();
    const filters = { owner, profile, status, workspace, name };
    const listed = await listAll(session, { path: KEYS, field: 'keys', id: 'key_id', filters, max });
    if (listed.kind === 'failed') return FAILED;
    const { body, entries, total } = listed;
    const { columns } = session.terminal;
    session.show(body, () => (entries.length === 0 ? 'no keys\n' : table(entries, LISTED, columns)));
    if (entries.length < total) {
      session.terminal.err(`${entries.length} of ${total} keys are listed; --max lists more\n`);
    }
    return OK;
  });
}

function addRevoke(keys: Command, surroundings: Surroundings): void {
  const description = 'end a key for good; exits with 1 while a gate may still accept it';
  withId(adminCommand(keys, 'revoke <id>', description), surroundings, async (session, id) => {
    const revoked = await session.call({ method: 'DELETE', path: `${KEYS}/${id}` }, 200);
    if (revoked.kind === 'failed') return FAILED;
    session.show(revoked.body, (key) => {
      const since = instantCell(key['revoked_at'], 'now');
      return `Key ${idOf(key)} is revoked since ${since}; ${propagationText(key['propagation'])}.\n`;
    });
    return OK;
  });
}

function addRotate(keys: Command, surroundings: Surroundings): void {
  const command = adminCommand(
    keys,
    'rotate <id>',
    'put a new key in the place of one; it is shown once',
  ).requiredOption('--overlap <duration>', 'how long the old one goes on, such as 0s, 1h, 720h');
  withId(command, surroundings, (session, id) =>
    rotate(session, id, command.opts<{ overlap: string }>().overlap),
  );
}

async function rotate(session: Session, id: string, overlap: string): Promise<ExitCode> {
  const path = `${KEYS}/${id}/rotate`;
  const rotated = await session.call({ method: 'POST', path, body: { overlap } }, 201);
  if (rotated.kind === 'failed') return FAILED;
  session.show(rotated.body, (key) => {
    const old = `${textOf(key['replaces'])}, which ends at ${instantCell(key['old_expires_at'], 'no known time')}`;
    return `Key ${idOf(key)} of ${ownerOf(key)} in place of ${old}, shown once:\n${newKey(key)}\n`;
  });
  return OK;
}

function textOf(value: unknown): string {
  return printable(plainCell(value));
}

function idOf(key: Json): string {
  return textOf(key['key_id']);
}

function ownerOf(key: Json): string {
  return textOf(jsonOf(key['owner'])['id']);
}

function newKey(key: Json): string {
  return textOf(key['key']);
}

const ID: Column = { title: 'KEY ID', cell: idOf };
const OWNER: Column = { title: 'OWNER', cell: ownerOf };
const NAME: Column = { title: 'NAME', cell: (key) => plainCell(key['name']) };
const PERMISSION: Column = { title: 'PERMISSION', cell: (key) => plainCell(key['permission']) };
const STATUS: Column = { title: 'STATUS', cell: (key) => plainCell(key['status']) };
const EXPIRES: Column = { title: 'EXPIRES', cell: (key) => instantCell(key['expires_at'], 'never') };
const USED: Column = { title: 'LAST USED', cell: (key) => instantCell(key['last_used_at'], 'never') };
/** What is kept of a key made here; of an imported one nothing is. */
const ENDS: Column = {
  title: 'KEY',
  cell: (key) =>
    typeof key['key_prefix'] === 'string' ? `${key['key_prefix']}…${plainCell(key['key_suffix'], '')}` : '-',
};

const LISTED: readonly Column[] = [ID, OWNER, NAME, ENDS, PERMISSION, STATUS, EXPIRES, USED];

const ALL: readonly Column[] = [
  ID,
  NAME,
  ENDS,
  OWNER,
  { title: 'TIER', cell: (key) => plainCell(jsonOf(key['owner'])['tier']) },
  { title: 'WORKSPACE', cell: (key) => plainCell(jsonOf(key['owner'])['workspace']) },
  { title: 'OWNER ENABLED', cell: (key) => plainCell(jsonOf(key['owner'])['enabled']) },
  { title: 'PROFILE', cell: (key) => plainCell(key['profile']) },
  PERMISSION,
  STATUS,
  { title: 'LIMITS', cell: (key) => plainCell(key['limits'], "the owner's") },
  { title: 'MCPS', cell: (key) => plainCell(key['mcps'], 'none') },
  { title: 'CREATED', cell: (key) => instantCell(key['created_at'], '-') },
  { title: 'CREATED BY', cell: (key) => plainCell(key['created_by']) },
  EXPIRES,
  { title: 'REVOKED', cell: (key) => instantCell(key['revoked_at'], 'no') },
  { title: 'REPLACED', cell: (key) => instantCell(key['deprecated_at'], 'no') },
  USED,
];
