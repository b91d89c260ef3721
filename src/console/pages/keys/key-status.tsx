import type { JSX } from 'preact';
import type { KeyRow } from '../../../key-service/console/wire.ts';
import { Countdown } from '../../parts/instant.tsx';
import { Tag } from '../../parts/tag.tsx';

/** How the key stands. One that is being replaced shows how long it goes on. */
export function KeyStatus(props: { readonly row: KeyRow; readonly onEnd?: () => void }): JSX.Element {
  const { row, onEnd } = props;
  if (row.status === 'revoked') return <Tag tone="bad">revoked</Tag>;
  if (row.status === 'expired') return <Tag tone="plain">expired</Tag>;
  if (!row.owner.enabled) return <Tag tone="warn">owner disabled</Tag>;
  if (row.deprecated_at === null || row.expires_at === null) return <Tag tone="good">active</Tag>;
  return (
    <Tag tone="warn">
      replaced, <Countdown to={row.expires_at} {...(onEnd !== undefined && { onEnd })} />
    </Tag>
  );
}

/** The ends of the key, as its owner may have them in a settings file; never the key. */
export function shownKey({ key_prefix: prefix, key_suffix: suffix }: KeyRow): string {
  return prefix === null && suffix === null ? 'imported' : `${prefix ?? ''}…${suffix ?? ''}`;
}
