import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { KeyUsage } from '../../../key-service/console/wire.ts';
import { ask } from '../../api/ask.ts';
import { useLive } from '../../api/live.ts';
import { ChoiceField } from '../../parts/field.tsx';
import { figureText, Plot } from '../../parts/plot.tsx';
import { Table, type Column } from '../../parts/table.tsx';
import { Empty } from '../../parts/tag.tsx';

const EVERY_MS = 5_000;
const HOUR_MS = 3_600_000;
const RANGES = [
  { value: '24', label: '24 hours' },
  { value: '168', label: '7 days' },
  { value: '720', label: '30 days' },
];
/** Beyond so many hours a bar is a day. */
const LONGEST_BY_HOUR = 168;

/** What the key was used for: over time, by route, by status. */
export function KeyUsagePlots({ id }: { readonly id: string }): JSX.Element {
  const [hours, setHours] = useState('24');
  const usage = useLive(
    (terms) => {
      const from = new Date(Date.now() - Number(hours) * HOUR_MS).toISOString();
      const by = Number(hours) > LONGEST_BY_HOUR ? 'day' : 'hour';
      return ask('GET /console/api/keys/:id/usage', { id, query: { from, by }, ...terms });
    },
    `${id} ${hours}`,
    EVERY_MS,
  );
  return (
    <section class="stack" aria-label="Usage">
      <div class="row apart">
        <h2>Usage</h2>
        <ChoiceField label="Range" value={hours} choices={RANGES} onChange={setHours} />
      </div>
      <UsagePlot usage={usage.answer} />
      <div class="grid">
        <Table
          caption="Requests by route"
          columns={BY_ROUTE}
          rows={usage.answer?.by_route ?? null}
          expected={2}
          rowKey={({ route }) => route}
          empty={<Empty title="No request yet" />}
        />
        <Table
          caption="Requests by status"
          columns={BY_STATUS}
          rows={usage.answer?.by_status ?? null}
          expected={2}
          rowKey={({ status }) => status}
          empty={<Empty title="No request yet" />}
        />
      </div>
    </section>
  );
}

const BY_ROUTE: readonly Column<KeyUsage['by_route'][number]>[] = [
  { name: 'Route', head: true, clip: true, cell: ({ route }) => route },
  { name: 'Requests', number: true, cell: ({ requests }) => requests.toLocaleString('en') },
  { name: 'Errors', number: true, cell: ({ errors }) => errors.toLocaleString('en') },
];
const BY_STATUS: readonly Column<KeyUsage['by_status'][number]>[] = [
  { name: 'Status', head: true, cell: ({ status }) => status },
  { name: 'Requests', number: true, cell: ({ requests }) => requests.toLocaleString('en') },
];

function UsagePlot({ usage }: { readonly usage: KeyUsage | null }): JSX.Element {
  const points = usage?.points ?? [];
  const total = points.reduce((sum, { requests }) => sum + requests, 0);
  const used = total > 0;
  return (
    <Plot
      title="Requests"
      unit={usage?.by === 'day' ? 'by day (UTC)' : 'by hour'}
      about={`${figureText(total)} requests in this range`}
      bars
      at={used ? points.map(({ at }) => at) : []}
      lines={[
        { name: 'requests', values: points.map(({ requests }) => requests) },
        { name: 'errors', values: points.map(({ errors }) => errors) },
      ]}
      empty="The key has not been used in this range. A request shows here within seconds."
    />
  );
}
