import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { KeyRow } from '../../../key-service/console/wire.ts';
import { ask } from '../../api/ask.ts';
import { useLive } from '../../api/live.ts';
import { useMay } from '../../api/session.tsx';
import { Button } from '../../parts/button.tsx';
import { Instant } from '../../parts/instant.tsx';
import { PageHead } from '../../parts/page-head.tsx';
import { ProblemNotice } from '../../parts/problem.tsx';
import { Empty } from '../../parts/tag.tsx';
import { hrefOf } from '../../routes.ts';
import { KeyStatus, shownKey } from './key-status.tsx';
import { KeyUsagePlots } from './key-usage.tsx';
import { RevokeKey } from './revoke-key.tsx';
import { RotateKey } from './rotate-key.tsx';

const EVERY_MS = 2_000;

export function KeyDetail({ id }: { readonly id: string }): JSX.Element {
  const key = useLive((terms) => ask('GET /console/api/keys/:id', { id, ...terms }), id, EVERY_MS);
  const [open, setOpen] = useState<'rotate' | 'revoke' | null>(null);
  const may = useMay('operator');
  const row = key.answer;
  const close = (): void => {
    setOpen(null);
    key.refresh();
  };
  if (row === null && key.problem?.code === 'unknown') return <Unknown id={id} />;
  return (
    <>
      <p class="small">
        <a href={hrefOf('keys')}>All keys</a>
      </p>
      <PageHead title={row?.name ?? 'Key'}>
        {row !== null && <KeyStatus row={row} onEnd={key.refresh} />}
        {may && row?.status === 'active' && row.replaced_by === null && (
          <Button onPress={() => setOpen('rotate')}>Rotate</Button>
        )}
        {may && row !== null && (
          <Button {...(row.status !== 'revoked' && { tone: 'grave' })} onPress={() => setOpen('revoke')}>
            {row.status === 'revoked' ? 'Who has confirmed' : 'Revoke'}
          </Button>
        )}
      </PageHead>
      <div class="stack">
        <ProblemNotice problem={key.problem} onRetry={key.refresh} />
        <div class="card">{row === null ? <span class="bones" /> : <KeyFacts row={row} />}</div>
        <KeyUsagePlots id={id} />
      </div>
      {open === 'rotate' && row !== null && <RotateKey row={row} onClose={close} />}
      {open === 'revoke' && row !== null && <RevokeKey row={row} onClose={close} />}
    </>
  );
}

function Unknown({ id }: { readonly id: string }): JSX.Element {
  return (
    <>
      <PageHead title="Key" />
      <Empty title="There is no such key">
        <span>
          <code>{id}</code> is unknown here. <a href={hrefOf('keys')}>All keys</a>
        </span>
      </Empty>
    </>
  );
}

function KeyFacts({ row }: { readonly row: KeyRow }): JSX.Element {
  const { owner } = row;
  const facts: readonly (readonly [string, JSX.Element | string])[] = [
    ['Key id', <code key="id">{row.key_id}</code>],
    ['Key', <code key="key">{shownKey(row)}</code>],
    [
      'Owner',
      <a key="owner" href={hrefOf('keys', null, { owner: owner.id })}>
        {owner.id}
      </a>,
    ],
    [
      'Tier',
      owner.limits === null
        ? owner.tier
        : `${owner.tier}, with limits of its own: ${owner.limits.join(', ')}`,
    ],
    ['Profile', row.profile],
    ['Permission', row.permission.replaceAll('_', ' ')],
    ...(owner.workspace === null ? [] : [['Workspace', owner.workspace] as const]),
    ['Own limits', row.limits.length === 0 ? 'none' : row.limits.join(', ')],
    ['MCP servers', row.mcps === '*' ? 'all' : row.mcps.join(', ') || 'none'],
    [
      'Created',
      <span key="created">
        <Instant at={row.created_at} /> by {row.created_by}
      </span>,
    ],
    ['Ends', <Instant key="ends" at={row.expires_at} />],
    ...(row.revoked_at === null ? [] : [['Revoked', <Instant key="revoked" at={row.revoked_at} />] as const]),
    ...(row.replaced_by === null
      ? []
      : [
          [
            'Replaced by',
            <a key="new" href={hrefOf('keys', row.replaced_by)}>
              {row.replaced_by}
            </a>,
          ] as const,
        ]),
    ['Last used', <Instant key="used" at={row.last_used_at} never="not yet" />],
    ['Requests', row.request_count.toLocaleString('en')],
    [
      'Refused',
      <a key="refused" href={hrefOf('refusals', null, { key: row.key_id })}>
        Look at its refusals and changes
      </a>,
    ],
  ];
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <>
          <dt key={name}>{name}</dt>
          <dd>{value}</dd>
        </>
      ))}
    </dl>
  );
}
