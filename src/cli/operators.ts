import type { Command } from 'commander';
import { adminCommand, withId, withSession, type Surroundings } from './admin-command.ts';
import type { Session } from './session.ts';
import { instantCell, jsonOf, plainCell, sheet, table, type Column, type Json } from './table.ts';
import { FAILED, OK, type ExitCode } from './terminal.ts';

const OPERATORS = '/admin/v1/operators';

/** `plexgate operators ...` */
export function addOperatorCommands(program: Command, surroundings: Surroundings): void {
  const operators = program
    .command('operators')
    .description('make, list, disable and let in again who may sign in to the console');
  addCreate(operators, surroundings);
  withSession(adminCommand(operators, 'list', 'list operators'), surroundings, list);
  const role = adminCommand(operators, 'role <id>', 'give an operator another role');
  role.requiredOption('--role <role>', ROLE);
  withId(role, surroundings, (session, id) =>
    patch(session, id, { role: role.opts<{ role: string }>().role }),
  );
  const disable = adminCommand(operators, 'disable <id>', 'let an operator sign in no more; sessions end');
  withId(disable, surroundings, (session, id) => patch(session, id, { enabled: false }));
  const enable = adminCommand(operators, 'enable <id>', 'let an operator sign in again');
  withId(enable, surroundings, (session, id) => patch(session, id, { enabled: true }));
  const reset = adminCommand(
    operators,
    'reset <id>',
    'print a link for who has lost password or authenticator',
  );
  withId(reset, surroundings, async (session, id) =>
    showLink(session, await session.call({ method: 'POST', path: `${OPERATORS}/${id}/link` }, 201)),
  );
}

const ROLE = 'viewer (reads), operator (also acts on keys) or admin (also on operators)';

function addCreate(operators: Command, surroundings: Surroundings): void {
  const command = adminCommand(operators, 'create', 'make an operator and print the link to begin with')
    .requiredOption('--email <email>', 'by which the operator signs in')
    .requiredOption('--role <role>', ROLE);
  withSession(command, surroundings, async (session) => {
    const { email, role } = command.opts<{ email: string; role: string }>();
    return showLink(
      session,
      await session.call({ method: 'POST', path: OPERATORS, body: { email, role } }, 201),
    );
  });
}

async function list(session: Session): Promise<ExitCode> {
  const listed = await session.call({ method: 'GET', path: OPERATORS }, 200);
  if (listed.kind === 'failed') return FAILED;
  const { columns } = session.terminal;
  session.show(listed.body, ({ operators }) => {
    const rows = Array.isArray(operators) ? operators.map(jsonOf) : [];
    return rows.length === 0 ? 'no operators\n' : table(rows, COLUMNS, columns);
  });
  return OK;
}

async function patch(session: Session, id: string, body: object): Promise<ExitCode> {
  const done = await session.call({ method: 'PATCH', path: `${OPERATORS}/${id}`, body }, 200);
  if (done.kind === 'failed') return FAILED;
  session.show(done.body, (operator) => sheet(operator, COLUMNS));
  return OK;
}

/** Whoever has the link becomes the operator; it goes to the person at the terminal and nowhere else. */
function showLink(session: Session, made: Awaited<ReturnType<Session['call']>>): ExitCode {
  if (made.kind === 'failed') return FAILED;
  session.show(made.body, (body: Json) =>
    sheet({ ...jsonOf(body['operator']), link: body['link'], ends_at: body['ends_at'] }, LINK_COLUMNS),
  );
  return OK;
}

const COLUMNS: readonly Column[] = [
  { title: 'OPERATOR', cell: (operator) => plainCell(operator['id']) },
  { title: 'EMAIL', cell: (operator) => plainCell(operator['email']) },
  { title: 'ROLE', cell: (operator) => plainCell(operator['role']) },
  { title: 'ENABLED', cell: (operator) => plainCell(operator['enabled']) },
  { title: 'ENROLLED', cell: (operator) => plainCell(operator['is_enrolled']) },
  { title: 'LAST SIGN-IN', cell: (operator) => instantCell(operator['last_sign_in_at'], 'never') },
];

const LINK_COLUMNS: readonly Column[] = [
  ...COLUMNS.slice(0, 3),
  { title: 'LINK', cell: (made) => plainCell(made['link']) },
  { title: 'GOOD UNTIL', cell: (made) => instantCell(made['ends_at'], '') },
];
