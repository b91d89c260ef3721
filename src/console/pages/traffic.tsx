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
          rowKey={({ owner_id, limit }) => `${owner_id} ${limit ?? ''}`}
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
  { name: 'Tier', cell: ({ tier }) => tier },
  { name: 'Limit', cell: ({ limit }) => limit ?? 'unlimited' },
  {
    name: 'Used',
    cell: ({ used, quota, owner_id, limit }) =>
      limit !== null && (
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
  {
    name: 'Units',
    number: true,
    cell: ({ limit, used, quota }) => limit !== null && `${figureText(used)} of ${figureText(quota)}`,
  },
  { name: 'Requests per second', number: true, cell: ({ rate }) => figureText(rate) },
];

/** Rates make counts again: each holds for the step before it. */
function countOf(traffic: TrafficAnswer | null, name?: string): number {
  const rates = (traffic?.outcomes ?? [])
    .filter((one) => name === undefined || one.name === name)
    .flatMap(({ values }) => values);
  const sum = rates.reduce<number>((sum, rate) => sum + (rate ?? 0), 0);
  return (sum * (traffic?.step_ms ?? 0)) / 1000;
}

const LINES = 5;

/** The largest ones, and the rest of them as one: a plot has as many colours as one can tell apart. */
function largestOf(series: readonly Series[]): readonly Series[] {
  if (series.length <= LINES + 1) return series;
  const size = ({ values }: Series): number => values.reduce<number>((sum, value) => sum + (value ?? 0), 0);
  const sorted = series.toSorted((a, b) => size(b) - size(a));
  const rest = sorted.slice(LINES);
  const values = (rest[0]?.values ?? []).map((_, i) => {
    const known = rest.flatMap((one) => one.values[i] ?? []);
    return known.length === 0 ? null : known.reduce((sum, value) => sum + value);
  });
  return [...sorted.slice(0, LINES), { name: `${rest.length} others`, values }];
}

function latestOf(series: readonly Series[] | undefined, name: string): number | null {
  return series?.find((one) => one.name === name)?.values.findLast((value) => value !== null) ?? null;
}

function Figures({ traffic }: { readonly traffic: TrafficAnswer | null }): JSX.Element {
  const all = countOf(traffic);
  const part = (name: string): string =>
    all === 0 ? '–' : `${figureText((100 * countOf(traffic, name)) / all)} %`;
  const added = (name: string): string => {
    const value = latestOf(traffic?.added_ms, name);
    return value === null ? '–' : `${figureText(value)} ms`;
  };
  const figures = [
    ['Requests in this range', traffic === null ? '–' : figureText(Math.round(all))],
    ['Refused', part('refused')],
    ['Not answerable', part('unavailable')],
    ['Failed upstream', part('failed')],
    ['Added, median', added('p50')],
    ['Added, 99 of 100', added('p99')],
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
  const empty = traffic === null ? 'One moment.' : traffic.available ? QUIET : NOBODY;
  const of = (unit: string, lines: readonly Series[] | undefined) => ({
    at,
    empty,
    unit,
    lines: lines ?? [],
  });
  const all = figureText(Math.round(countOf(traffic)));
  return (
    <div class="grid">
      <Plot
        title="Requests by outcome"
        about={`${all} requests in this range`}
        {...of('per second', traffic?.outcomes)}
      />
      <Plot
        title="Refusals by reason"
        about={(traffic?.reasons ?? []).map(({ name }) => name).join(', ')}
        {...of('per second', largestOf(traffic?.reasons ?? []))}
      />
      <Plot
        title="Added latency"
        about="what the slowest gate adds to a request"
        {...of('ms', traffic?.added_ms)}
      />
      <Plot
        title="Lookups by layer"
        about="which layer knew the key"
        {...of('per second', traffic?.layers)}
      />
    </div>
  );
}
