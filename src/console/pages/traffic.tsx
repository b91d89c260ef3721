import type { JSX } from 'preact';
import type { LimitUse, Series, TrafficAnswer } from '../../key-service/console/wire.ts';
import { ask } from '../api/ask.ts';
import { useLive } from '../api/live.ts';
import { ChoiceField } from '../parts/field.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { figureText, Plot } from '../parts/plot.tsx';
import { ProblemNotice } from '../parts/problem.tsx';
import { Table, type Column } from '../parts/table.tsx';
import { Empty } from '../parts/tag.tsx';
import { hrefOf, replaceQuery, type Place } from '../routes.ts';

const EVERY_MS = 2_000;
export const RANGES = [
  { value: '300', label: '5 minutes' },
  { value: '900', label: '15 minutes' },
  { value: '3600', label: '1 hour' },
  { value: '21600', label: '6 hours' },
  { value: '86400', label: '24 hours' },
];
const NOBODY =
  'No gate has reported in this range. Gates report every two seconds; is one running, with this key service?';
const QUIET = 'Nothing of it in this range.';

/** How far back the place looks; the same for all plots of a page. */
export function RangeField({ place }: { readonly place: Place }): JSX.Element {
  return (
    <ChoiceField
      label="Range"
      value={secondsOf(place)}
      choices={RANGES}
      onChange={(seconds) => replaceQuery(place, { seconds })}
    />
  );
}

export function secondsOf({ query }: Place): string {
  const seconds = query.get('seconds') ?? '';
  return RANGES.some(({ value }) => value === seconds) ? seconds : '900';
}

export function Traffic({ place }: { readonly place: Place }): JSX.Element {
  const seconds = secondsOf(place);
  const traffic = useLive(
    (terms) => ask('GET /console/api/traffic', { query: { seconds: Number(seconds) }, ...terms }),
    seconds,
    EVERY_MS,
  );
  return (
    <>
      <PageHead title="Traffic">
        <RangeField place={place} />
      </PageHead>
      <div class="stack">
        <ProblemNotice problem={traffic.problem} onRetry={traffic.refresh} />
        <Figures traffic={traffic.answer} />
        <Plots traffic={traffic.answer} />
        <h2>Limits closest to their end</h2>
        <Table
          caption="The owners that use most of a limit"
          columns={LIMITS}
          rows={traffic.answer?.owners ?? null}
          expected={4}
          rowKey={({ owner_id, limit }) => `${owner_id} ${limit}`}
          empty={<Empty title="No limit is in use">Owners show here while they spend of a limit.</Empty>}
        />
      </div>
    </>
  );
}

const LIMITS: readonly Column<LimitUse>[] = [
  {
    name: 'Owner',
    head: true,
    clip: true,
    cell: ({ owner_id }) => <a href={hrefOf('keys', null, { owner: owner_id })}>{owner_id}</a>,
  },
  { name: 'Limit', cell: ({ limit }) => limit },
  {
    name: 'Used',
    cell: ({ used, quota, owner_id, limit }) => (
      <meter
        aria-label={`${owner_id}, ${limit}`}
        min={0}
        max={quota}
        high={quota * 0.8}
        optimum={0}
        value={used}
      >
        {used} of {quota}
      </meter>
    ),
  },
  { name: 'Units', number: true, cell: ({ used, quota }) => `${figureText(used)} of ${figureText(quota)}` },
];

/** Counts of one step each, as a rate by the second. */
function ratesOf(series: readonly Series[] | undefined, stepMs: number): Series[] {
  return (series ?? []).map(({ name, values }) => ({
    name,
    values: values.map((value) => (value === null ? null : (value * 1000) / stepMs)),
  }));
}

function sumOf(series: readonly Series[] | undefined, name?: string): number {
  return (series ?? [])
    .filter((one) => name === undefined || one.name === name)
    .flatMap(({ values }) => values)
    .reduce<number>((sum, value) => sum + (value ?? 0), 0);
}

function Figures({ traffic }: { readonly traffic: TrafficAnswer | null }): JSX.Element {
  const all = sumOf(traffic?.outcomes);
  const part = (name: string): string =>
    all === 0 ? '–' : `${figureText((100 * sumOf(traffic?.outcomes, name)) / all)} %`;
  const latest = (name: string): string => {
    const value = traffic?.added_ms
      .find((one) => one.name === name)
      ?.values.findLast((value) => value !== null);
    return value === undefined || value === null ? '–' : `${figureText(value)} ms`;
  };
  const figures = [
    ['Requests', traffic === null ? '–' : figureText(all)],
    ['Refused', part('refused')],
    ['Failed', part('failed')],
    ['Added, median', latest('p50')],
    ['Added, 99 of 100', latest('p99')],
  ] as const;
  return (
    <dl class="figures" aria-busy={traffic === null}>
      {figures.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Plots({ traffic }: { readonly traffic: TrafficAnswer | null }): JSX.Element {
  const at = traffic?.available === true ? traffic.at : [];
  const stepMs = traffic?.step_ms ?? 1000;
  const empty = traffic === null ? 'One moment.' : traffic.available ? QUIET : NOBODY;
  const rates = (series: readonly Series[] | undefined) => ({
    at,
    empty,
    unit: 'by second',
    lines: ratesOf(series, stepMs),
  });
  return (
    <div class="grid">
      <Plot
        title="Requests by outcome"
        about={`${figureText(sumOf(traffic?.outcomes))} in this range`}
        {...rates(traffic?.outcomes)}
      />
      <Plot
        title="Refusals by reason"
        about={`${figureText(sumOf(traffic?.reasons))} in this range`}
        {...rates(traffic?.reasons)}
      />
      <Plot
        title="Added latency"
        about="what the gate adds to a request"
        unit="ms"
        at={at}
        empty={empty}
        lines={traffic?.added_ms ?? []}
      />
      <Plot title="Lookups by layer" about="which layer knew the key" {...rates(traffic?.layers)} />
    </div>
  );
}
