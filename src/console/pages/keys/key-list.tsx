import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { KeyQuery, KeyRow } from '../../../key-service/console/wire.ts';
import { ask } from '../../api/ask.ts';
import { useLive } from '../../api/live.ts';
import { useMay } from '../../api/session.tsx';
import { Button } from '../../parts/button.tsx';
import { Instant } from '../../parts/instant.tsx';
import { PageHead } from '../../parts/page-head.tsx';
import { Pager } from '../../parts/pager.tsx';
import { ProblemNotice } from '../../parts/problem.tsx';
import { Table, type Column } from '../../parts/table.tsx';
import { Empty } from '../../parts/tag.tsx';
import { hrefOf, replaceQuery, type Place } from '../../routes.ts';
import { CreateKey } from './create-key.tsx';
import { KeyFilters } from './key-filters.tsx';
import { KeyStatus, shownKey } from './key-status.tsx';

const PAGE = 25;
const EVERY_MS = 5_000;

const COLUMNS: readonly Column<KeyRow>[] = [
  {
    name: 'Name',
    head: true,
    clip: true,
    cell: (row) => (
      <a href={hrefOf('keys', row.key_id)} title={row.key_id}>
        {row.name === '' ? row.key_id : row.name}
      </a>
    ),
  },
  { name: 'Key', cell: (row) => <code>{shownKey(row)}</code> },
  {
    name: 'Owner',
    clip: true,
    cell: ({ owner }) => <a href={hrefOf('keys', null, { owner: owner.id })}>{owner.id}</a>,
  },
  { name: 'Profile, tier', clip: true, cell: ({ profile, owner }) => `${profile}, ${owner.tier}` },
  { name: 'Permission', cell: ({ permission }) => permission.replaceAll('_', ' ') },
  { name: 'Status', cell: (row) => <KeyStatus row={row} /> },
  { name: 'Requests', number: true, cell: ({ request_count }) => request_count.toLocaleString('en') },
  { name: 'Last used', cell: ({ last_used_at }) => <Instant at={last_used_at} never="not yet" brief /> },
];

/** What the filters of the place ask for. */
export function keyQueryOf({ query }: Place): KeyQuery {
  const status = query.get('status');
  return {
    search: query.get('search') ?? '',
    owner: query.get('owner') ?? '',
    profile: query.get('profile') ?? '',
    ...(status !== null && status !== '' && { status: status as NonNullable<KeyQuery['status']> }),
    limit: PAGE,
    offset: Math.max(0, Number(query.get('offset') ?? 0) || 0),
  };
}

export function KeyList({ place }: { readonly place: Place }): JSX.Element {
  const [creating, setCreating] = useState(false);
  const may = useMay('operator');
  const query = keyQueryOf(place);
  const list = useLive(
    (terms) => ask('GET /console/api/keys', { query, ...terms }),
    JSON.stringify(query),
    EVERY_MS,
  );
  const filtered = [...place.query.values()].some((value) => value !== '');
  return (
    <>
      <PageHead title="Keys">
        {may && (
          <Button tone="first" icon="plus" onPress={() => setCreating(true)}>
            Create key
          </Button>
        )}
      </PageHead>
      <KeyFilters place={place} />
      <ProblemNotice problem={list.problem} onRetry={list.refresh} />
      <Table
        caption="Keys, the active ones first"
        columns={COLUMNS}
        rows={list.answer?.keys ?? null}
        expected={12}
        rowKey={({ key_id }) => key_id}
        empty={filtered ? <NothingFound /> : <NoKeys may={may} />}
      />
      <Pager
        pagination={list.answer?.pagination ?? null}
        onOffset={(offset) => replaceQuery(place, { offset: offset === 0 ? '' : String(offset) })}
      />
      {creating && (
        <CreateKey
          onClose={() => {
            setCreating(false);
            list.refresh();
          }}
        />
      )}
    </>
  );
}

function NothingFound(): JSX.Element {
  return (
    <Empty title="No key is like that">
      <span>
        The search looks at names and whole ids. <a href={hrefOf('keys')}>Show all keys</a>
      </span>
    </Empty>
  );
}

function NoKeys({ may }: { readonly may: boolean }): JSX.Element {
  return (
    <Empty title="There are no keys yet">
      <span>
        {may
          ? 'Create the first one above, or import those you have: '
          : 'An operator can create the first one, or import those you have: '}
        <code>plexgate keys import --help</code>
      </span>
    </Empty>
  );
}
