import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { ROLES_OFFERED } from './roles.ts';
import type { OperatorLink, OperatorPatch, OperatorRow, Problem } from '../../../key-service/console/wire.ts';
import { ask } from '../../api/ask.ts';
import { useLive } from '../../api/live.ts';
import { useStanding } from '../../api/session.tsx';
import { Button } from '../../parts/button.tsx';
import { Instant } from '../../parts/instant.tsx';
import { PageHead } from '../../parts/page-head.tsx';
import { ProblemNotice } from '../../parts/problem.tsx';
import { say } from '../../parts/say.tsx';
import { Table, type Column } from '../../parts/table.tsx';
import { Empty, Tag } from '../../parts/tag.tsx';
import { LinkShown, NewOperatorForm } from './new-operator.tsx';

export function Operators(): JSX.Element {
  const { session } = useStanding();
  const list = useLive((terms) => ask('GET /console/api/operators', terms), '', null);
  const [adding, setAdding] = useState(false);
  const [link, setLink] = useState<OperatorLink | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const change = async (row: OperatorRow, body: OperatorPatch): Promise<void> => {
    const reply = await ask('PATCH /console/api/operators/:id', { id: row.id, body });
    setProblem(reply.ok ? null : reply.problem);
    if (reply.ok) say(`${row.email} is changed.`);
    list.refresh();
  };
  const renewLink = async (row: OperatorRow): Promise<void> => {
    const reply = await ask('POST /console/api/operators/:id/link', { id: row.id, body: {} });
    setProblem(reply.ok ? null : reply.problem);
    if (reply.ok) setLink(reply.answer);
  };
  return (
    <>
      <PageHead title="Operators">
        <Button tone="first" icon="plus" onPress={() => setAdding(true)}>
          Add operator
        </Button>
      </PageHead>
      <div class="stack">
        <ProblemNotice problem={problem ?? list.problem} onRetry={list.refresh} />
        <Table
          caption="Operators"
          columns={columnsOf(session.operator.id, {
            change: (row, body) => void change(row, body),
            link: (row) => void renewLink(row),
          })}
          rows={list.answer?.operators ?? null}
          expected={3}
          rowKey={({ id }) => id}
          empty={<Empty title="There is nobody">Add an operator above.</Empty>}
        />
      </div>
      {adding && (
        <NewOperatorForm
          onClose={() => setAdding(false)}
          onMade={(made) => {
            setAdding(false);
            setLink(made);
            list.refresh();
          }}
        />
      )}
      {link !== null && <LinkShown link={link} onClose={() => setLink(null)} />}
    </>
  );
}

interface Actions {
  readonly change: (row: OperatorRow, body: OperatorPatch) => void;
  readonly link: (row: OperatorRow) => void;
}

function columnsOf(own: string, { change, link }: Actions): readonly Column<OperatorRow>[] {
  return [
    { name: 'Email', head: true, clip: true, cell: ({ email }) => email },
    {
      name: 'Role',
      cell: (row) => (
        <select
          class="input"
          aria-label={`Role of ${row.email}`}
          value={row.role}
          disabled={row.id === own}
          onChange={(event) => change(row, { role: event.currentTarget.value as OperatorRow['role'] })}
        >
          {ROLES_OFFERED.map(({ value, label }) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </select>
      ),
    },
    { name: 'Status', cell: (row) => <OperatorStatus row={row} /> },
    { name: 'Last sign-in', cell: ({ last_sign_in_at }) => <Instant at={last_sign_in_at} never="not yet" /> },
    { name: 'Added', cell: ({ created_at }) => <Instant at={created_at} /> },
    {
      name: 'Actions',
      cell: (row) => (
        <span class="row">
          <Button onPress={() => link(row)}>New link</Button>
          {row.id !== own && (
            <Button onPress={() => change(row, { enabled: !row.enabled })}>
              {row.enabled ? 'Disable' : 'Enable'}
            </Button>
          )}
        </span>
      ),
    },
  ];
}

function OperatorStatus({ row }: { readonly row: OperatorRow }): JSX.Element {
  if (!row.enabled) return <Tag tone="bad">disabled</Tag>;
  return row.is_enrolled ? <Tag tone="good">active</Tag> : <Tag tone="warn">link not used yet</Tag>;
}
