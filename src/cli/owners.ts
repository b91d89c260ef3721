import type { Command } from 'commander';
import {
  adminCommand,
  listOption,
  oneMore,
  withId,
  withSession,
  type Surroundings,
} from './admin-command.ts';
import { listAll } from './pages.ts';
import type { Session } from './session.ts';
import { plainCell, sheet, table, type Column } from './table.ts';
import { FAILED, OK, type ExitCode } from './terminal.ts';

const OWNERS = '/admin/v1/owners';

/** `plexgate owners ...` */
export function addOwnerCommands(program: Command, surroundings: Surroundings): void {
  const owners = program
    .command('owners')
    .description('put, list, enable and disable owners over the admin API');
  addPut(owners, surroundings);
  addList(owners, surroundings);
  withId(adminCommand(owners, 'show <id>', 'show an owner'), surroundings, async (session, id) => {
    const shown = await session.call({ method: 'GET', path: `${OWNERS}/${id}` }, 200);
    if (shown.kind === 'failed') return FAILED;
    session.show(shown.body, (body) => sheet(body, COLUMNS));
    return OK;
  });
  const enable = adminCommand(owners, 'enable <id>', "let an owner's keys work again");
  withId(enable, surroundings, (session, id) => setEnabled(session, id, true));
  const disable = adminCommand(
    owners,
    'disable <id>',
    "let none of an owner's keys work until it is enabled",
  );
  withId(disable, surroundings, (session, id) => setEnabled(session, id, false));
}

interface PutOptions {
  readonly profile: string;
  readonly tier: string;
  readonly limit?: readonly string[];
  readonly workspace?: string;
  readonly disabled?: boolean;
}

function addPut(owners: Command, surroundings: Surroundings): void {
  const command = adminCommand(owners, 'put <id>', 'make an owner, or put another in its place as a whole')
    .requiredOption('--profile <profile>', 'plexe, plextera, plexmcp or standard')
    .requiredOption('--tier <tier>', "whose limits it has, of the gate's proxy.tiers")
    .option(
      '--limit <limit>',
      "a limit in place of the tier's, such as 100/minute; may be given again",
      oneMore,
    )
    .option('--workspace <id>', 'the workspace its keys act in')
    .option('--disabled', 'none of its keys work');
  withId(command, surroundings, async (session, id) => {
    const { profile, tier, limit, workspace, disabled } = command.opts<PutOptions>();
    return put(session, id, { profile, tier, limits: limit, workspace, enabled: disabled !== true });
  });
}

function addList(owners: Command, surroundings: Surroundings): void {
  const command = listOption(adminCommand(owners, 'list', 'list owners'));
  withSession(command, surroundings, async (session) => {
    const { max } = command.opts<{ max: number }>();
    const listed = await listAll(session, { path: OWNERS, field: 'owners', id: 'id', filters: {}, max });
    if (listed.kind === 'failed') return FAILED;
    const { body, entries, total } = listed;
    const { columns } = session.terminal;
    session.show(body, () => (entries.length === 0 ? 'no owners\n' : table(entries, COLUMNS, columns)));
    if (entries.length < total) {
      session.terminal.err(`${entries.length} of ${total} owners are listed; --max lists more\n`);
    }
    return OK;
  });
}

/** The API puts owners as a whole, so what another changes between the two calls is lost. */
async function setEnabled(session: Session, id: string, enabled: boolean): Promise<ExitCode> {
  const shown = await session.call({ method: 'GET', path: `${OWNERS}/${id}` }, 200);
  if (shown.kind === 'failed') return FAILED;
  const { id: _, ...owner } = shown.body;
  return put(session, id, { ...owner, enabled });
}

async function put(session: Session, id: string, body: object): Promise<ExitCode> {
  const done = await session.call({ method: 'PUT', path: `${OWNERS}/${id}`, body }, 200);
  if (done.kind === 'failed') return FAILED;
  session.show(done.body, (owner) => sheet(owner, COLUMNS));
  return OK;
}

const COLUMNS: readonly Column[] = [
  { title: 'OWNER', cell: (owner) => plainCell(owner['id']) },
  { title: 'PROFILE', cell: (owner) => plainCell(owner['profile']) },
  { title: 'TIER', cell: (owner) => plainCell(owner['tier']) },
  { title: 'ENABLED', cell: (owner) => plainCell(owner['enabled']) },
  { title: 'WORKSPACE', cell: (owner) => plainCell(owner['workspace']) },
  {
    title: 'LIMITS',
    cell: (owner) => plainCell(owner['limits'], owner['limits'] === null ? "the tier's" : 'none'),
  },
];
