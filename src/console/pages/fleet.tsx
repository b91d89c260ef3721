import type { JSX } from 'preact';
import type { FleetAnswer, MemberRow } from '../../key-service/console/wire.ts';
import { ask } from '../api/ask.ts';
import { useLive } from '../api/live.ts';
import { spanText } from '../parts/instant.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { ProblemNotice } from '../parts/problem.tsx';
import { Table, type Column } from '../parts/table.tsx';
import { Empty, Tag } from '../parts/tag.tsx';

const EVERY_MS = 1_000;
/** A gate renews twice a second; so long a silence is worth a look. */
const SILENT_MS = 2_000;

/** Enough of a gate's id to tell it from the others. */
const ID_SHOWN = 13;

type State = 'up' | 'away' | null | undefined;

/** Undefined: the gate has said nothing of itself; null: it has no such thing. */
function StateTag({ state }: { readonly state: State }): JSX.Element {
  if (state === undefined) return <span class="quiet">not reported</span>;
  if (state === null) return <span class="quiet">none</span>;
  return <Tag tone={state === 'up' ? 'good' : 'bad'}>{state}</Tag>;
}

/** Of the gate before its key service. */
function BreakerTag({ breaker }: { readonly breaker: 'open' | 'closed' | undefined }): JSX.Element {
  if (breaker === undefined) return <StateTag state={undefined} />;
  return <Tag tone={breaker === 'closed' ? 'good' : 'bad'}>{breaker}</Tag>;
}

function unitsText(units: number | undefined): string {
  return units === undefined ? '–' : units === 1 ? '1 unit' : `${units} units`;
}

/** Knowledge that is not renewed within the fence is not used. */
function Renewal({ state }: { readonly state: MemberRow['state'] }): JSX.Element {
  if (state === null) return <StateTag state={undefined} />;
  if (state.mode === 'resolve') return <span class="quiet">not offered</span>;
  const age = state.renewal_age_ms;
  if (age === null) return <Tag tone="bad">never</Tag>;
  return <Tag tone={age < state.fence_ms ? 'good' : 'bad'}>{secondsText(age)} ago</Tag>;
}

function secondsText(ms: number): string {
  return ms < 10_000 ? `${(ms / 1000).toFixed(1)} s` : spanText(ms);
}

const COLUMNS: readonly Column<MemberRow>[] = [
  {
    name: 'Gate',
    head: true,
    clip: true,
    cell: ({ member_id: id, state }) => (
      <span title={id}>
        {state?.host} <code>{id.slice(0, ID_SHOWN)}</code>
      </span>
    ),
  },
  { name: 'Version', cell: ({ state }) => state?.version ?? <StateTag state={undefined} /> },
  {
    name: 'Heartbeat',
    cell: ({ seen_ago_ms: ms }) => <Tag tone={ms < SILENT_MS ? 'good' : 'warn'}>{secondsText(ms)} ago</Tag>,
  },
  { name: 'Behind', number: true, cell: ({ lag }) => (lag === 0 ? 'nothing' : `${lag} changes`) },
  { name: 'State', cell: ({ state }) => state?.state ?? '' },
  { name: 'Knows since', cell: ({ state }) => <Renewal state={state} /> },
  { name: 'Redis, keys', cell: ({ state }) => <StateTag state={state?.redis_keys} /> },
  { name: 'Redis, limits', cell: ({ state }) => <StateTag state={state?.redis_limits} /> },
  { name: 'Breaker', cell: ({ state }) => <BreakerTag breaker={state?.breaker} /> },
  { name: 'On lease', number: true, cell: ({ state }) => unitsText(state?.leased_units) },
  { name: 'In flight', number: true, cell: ({ state }) => state?.in_flight ?? '–' },
  { name: 'Keys in memory', number: true, cell: ({ state }) => state?.cache_entries ?? '–' },
];

export function Fleet(): JSX.Element {
  const fleet = useLive((terms) => ask('GET /console/api/fleet', terms), '', EVERY_MS);
  const answer = fleet.answer;
  return (
    <>
      <PageHead title="Fleet" />
      <div class="stack">
        <ProblemNotice problem={fleet.problem} onRetry={fleet.refresh} />
        <Figures fleet={answer} />
        <Table
          caption="Gates that renew what they know"
          columns={COLUMNS}
          rows={answer?.members ?? null}
          expected={3}
          rowKey={({ member_id }) => member_id}
          empty={
            <Empty title="No gate has joined">
              <span>
                A gate joins by itself once its <code>proxy.keys.service</code> names this key service and has
                its token.
              </span>
            </Empty>
          }
        />
        <section class="card" aria-label="Configuration in force">
          <header>
            <h2>Configuration in force</h2>
            <span class="quiet small">of this process; secrets are masked</span>
          </header>
          <Configuration fleet={answer} />
        </section>
      </div>
    </>
  );
}

function Figures({ fleet }: { readonly fleet: FleetAnswer | null }): JSX.Element {
  const redis = fleet?.redis;
  const figures = [
    ['Gates', fleet?.members.length],
    ['Newest change', fleet?.head],
    [
      'Redis',
      redis === undefined ? undefined : redis.run === null ? 'none' : redis.settled ? 'settled' : 'settling',
    ],
  ] as const;
  return (
    <dl class="figures">
      {figures.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value ?? '–'}</dd>
        </div>
      ))}
    </dl>
  );
}

function Configuration({ fleet }: { readonly fleet: FleetAnswer | null }): JSX.Element {
  if (fleet === null) return <span class="bones" />;
  if (fleet.configuration === null)
    return <Empty title="Not known here">Ask a gate itself: its admin port answers on /config.</Empty>;
  return <pre tabIndex={0}>{JSON.stringify(fleet.configuration, null, 2)}</pre>;
}
