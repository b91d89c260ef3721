import type { JSX } from 'preact';
import type { AuditRow } from '../../../key-service/console/wire.ts';
import { Instant } from '../../parts/instant.tsx';
import type { Column } from '../../parts/table.tsx';
import { Tag } from '../../parts/tag.tsx';
import { hrefOf, type Place } from '../../routes.ts';

const COLUMNS: readonly Column<AuditRow>[] = [
  { name: 'When', head: true, cell: ({ at }) => <Instant at={at} /> },
  { name: 'What', cell: (row) => <What row={row} /> },
  { name: 'By', clip: true, cell: (row) => <Who row={row} /> },
  { name: 'On', clip: true, cell: (row) => <Subject row={row} /> },
  {
    name: 'Request',
    clip: true,
    cell: ({ method, path }) => <code title={path ?? ''}>{`${method ?? ''} ${path ?? ''}`}</code>,
  },
  { name: 'Address', clip: true, cell: ({ address }) => address ?? '' },
  { name: 'Times', number: true, cell: ({ count }) => count.toLocaleString('en') },
];

/** Of the place, whose filters stay while a row is explained. */
export function auditColumns({ query }: Place): readonly Column<AuditRow>[] {
  const why = (id: string | null): JSX.Element | null =>
    id === null ? null : (
      <a href={hrefOf('refusals', id, Object.fromEntries(query))} aria-label={`Explain ${id}`}>
        Explain
      </a>
    );
  return [...COLUMNS, { name: 'Why', cell: ({ request_id: id }) => why(id) }];
}

function What({ row }: { readonly row: AuditRow }): JSX.Element {
  if (row.kind !== 'management') return <Tag tone="bad">{row.reason ?? row.kind}</Tag>;
  const done = row.outcome === 'done' || row.outcome === 'repeated';
  return (
    <>
      {row.action} <Tag tone={done ? 'good' : 'warn'}>{row.outcome ?? ''}</Tag>
    </>
  );
}

function Who({ row }: { readonly row: AuditRow }): JSX.Element | string {
  if (row.key_id === null) return row.operator ?? row.owner_id ?? '';
  return <a href={hrefOf('keys', row.key_id)}>{row.owner_id ?? row.key_id}</a>;
}

function Subject({ row }: { readonly row: AuditRow }): JSX.Element | string {
  const { subject_key_id: key, subject_owner_id: owner, subject_operator: operator } = row;
  if (key !== null) return <a href={hrefOf('keys', key)}>{key}</a>;
  return owner ?? operator ?? '';
}
