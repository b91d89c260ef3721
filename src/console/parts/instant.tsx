import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { serviceNow } from '../api/clock.ts';

const FULL = new Intl.DateTimeFormat('en-GB', { dateStyle: 'full', timeStyle: 'long' });
const SHORT = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  timeZoneName: 'short',
});
const BRIEF = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
  timeZoneName: 'short',
});
const WITH_YEAR = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  timeZoneName: 'short',
});

/** A moment in the reader's zone, which is named. */
export function Instant(props: {
  readonly at: string | null;
  readonly never?: string;
  /** To the minute, where there is little room; hovering shows the whole. */
  readonly brief?: boolean;
}): JSX.Element {
  const { at, never, brief } = props;
  if (at === null) return <span class="quiet">{never ?? 'never'}</span>;
  return (
    <time dateTime={at} title={FULL.format(new Date(at))}>
      {brief === true ? BRIEF.format(new Date(at)) : instantText(at)}
    </time>
  );
}

export function instantText(at: string): string {
  const date = new Date(at);
  const thisYear = date.getFullYear() === new Date().getFullYear();
  return (thisYear ? SHORT : WITH_YEAR).format(date);
}

/** Until a moment, second by second. `onEnd` is told once, when it is reached. */
export function Countdown({ to, onEnd }: { readonly to: string; readonly onEnd?: () => void }): JSX.Element {
  const [now, setNow] = useState(serviceNow());
  const leftMs = Math.max(0, Date.parse(to) - now);
  const over = leftMs === 0;
  useEffect(() => {
    if (over) {
      onEnd?.();
      return undefined;
    }
    const timer = window.setInterval(() => setNow(serviceNow()), 250);
    return () => window.clearInterval(timer);
  }, [to, over]);
  return (
    <time dateTime={to} role="timer" class="number">
      {over ? 'ended' : `ends in ${spanText(leftMs)}`}
    </time>
  );
}

/** Two units at most: `2 h 5 min`. */
export function spanText(spanMs: number): string {
  const seconds = Math.ceil(spanMs / 1000);
  const parts: readonly [number, string][] = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3_600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ];
  const first = parts.findIndex(([count]) => count > 0);
  if (first < 0) return '0 s';
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(' ');
}
