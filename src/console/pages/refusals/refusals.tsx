import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { AuditQuery } from '../../../key-service/console/wire.ts';
import { ask } from '../../api/ask.ts';
import { useLive } from '../../api/live.ts';
import { useStanding } from '../../api/session.tsx';
import { Button } from '../../parts/button.tsx';
import { ChoiceField } from '../../parts/field.tsx';
import { PageHead } from '../../parts/page-head.tsx';
import { ProblemNotice } from '../../parts/problem.tsx';
import { Table } from '../../parts/table.tsx';
import { Empty } from '../../parts/tag.tsx';
import { goTo, hrefOf, replaceQuery, type Place } from '../../routes.ts';
import { TypedFilter } from '../keys/key-filters.tsx';
import { auditColumns } from './audit-columns.tsx';
import { Explain } from './explain.tsx';

const EVERY_MS = 2_000;
const PAGE = 50;
const FILTERS = ['request_id', 'key', 'owner', 'address', 'reason', 'kind', 'operator'] as const;

/** A search for nothing in particular shows refusals. */
function queryOf({ query }: Place, cursor: string | undefined): AuditQuery {
  const given = Object.fromEntries(FILTERS.map((name) => [name, query.get(name) ?? '']));
  return { ...given, limit: PAGE, ...(cursor !== undefined && { cursor }) };
}

export function Refusals({ place }: { readonly place: Place }): JSX.Element {
  /** The cursors of the pages that led here; none: the newest rows, which are followed. */
  const [trail, setTrail] = useState<readonly string[]>([]);
  const query = queryOf(place, trail.at(-1));
  const about = JSON.stringify(query);
  const audit = useLive(
    (terms) => ask('GET /console/api/audit', { query, ...terms }),
    about,
    trail.length === 0 ? EVERY_MS : null,
  );
  const next = audit.answer?.next_cursor ?? null;
  return (
    <>
      <PageHead title="Refusals and changes" />
      <Filters place={place} onChange={() => setTrail([])} />
      <ProblemNotice problem={audit.problem} onRetry={audit.refresh} />
      <Table
        caption="Refused requests and changes, the newest first"
        columns={auditColumns(place)}
        rows={audit.answer?.audit ?? null}
        expected={12}
        rowKey={({ id }) => String(id)}
        empty={<NothingFound />}
      />
      <nav class="pager" aria-label="Pages of the list">
        <span class="quiet small">{trail.length === 0 ? 'The newest, as they come' : 'Older rows'}</span>
        <div class="row">
          <Button icon="back" disabled={trail.length === 0} onPress={() => setTrail(trail.slice(0, -1))}>
            Newer
          </Button>
          <Button
            icon="next"
            disabled={next === null}
            onPress={() => next !== null && setTrail([...trail, next])}
          >
            Older
          </Button>
        </div>
      </nav>
      {place.id !== null && (
        <Explain
          requestId={place.id}
          onClose={() => goTo(hrefOf('refusals', null, Object.fromEntries(place.query)))}
        />
      )}
    </>
  );
}

function Filters({ place, onChange }: { readonly place: Place; readonly onChange: () => void }): JSX.Element {
  const { about } = useStanding();
  const all = { value: '', label: 'Any' };
  return (
    <form class="filters" role="search" onSubmit={(event) => event.preventDefault()} onInput={onChange}>
      <TypedFilter
        place={place}
        name="request_id"
        label="Request id"
        placeholder="Of the header X-Request-Id"
        search
      />
      <TypedFilter place={place} name="key" label="Key id" />
      <TypedFilter place={place} name="owner" label="Owner" />
      <TypedFilter place={place} name="address" label="Address" />
      <ChoiceField
        label="Reason"
        value={place.query.get('reason') ?? ''}
        choices={[all, ...about.reasons.map(({ reason }) => ({ value: reason, label: reason }))]}
        onChange={(reason) => replaceQuery(place, { reason })}
      />
      <ChoiceField
        label="Kind"
        value={place.query.get('kind') ?? ''}
        choices={[all, ...about.kinds.map((kind) => ({ value: kind, label: kind }))]}
        onChange={(kind) => replaceQuery(place, { kind })}
      />
    </form>
  );
}

function NothingFound(): JSX.Element {
  return (
    <Empty title="Nothing is like that">
      <span>
        Gates report refusals every two seconds. All fields must match whole;{' '}
        <a href={hrefOf('refusals')}>take the filters away</a> to see all.
      </span>
    </Empty>
  );
}
