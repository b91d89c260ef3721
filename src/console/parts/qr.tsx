import type { JSX } from 'preact';
import { useMemo } from 'preact/hooks';
import { encode } from 'uqr';

/** A QR code, drawn by this page itself: what is in it goes nowhere else. */
export function Qr({ text, label }: { readonly text: string; readonly label: string }): JSX.Element {
  const { size, data } = useMemo(() => encode(text, { border: 3 }), [text]);
  const squares = data.flatMap((row, y) => row.flatMap((dark, x) => (dark ? [`M${x} ${y}h1v1h-1z`] : [])));
  return (
    <svg
      class="qr"
      viewBox={`0 0 ${size} ${size}`}
      role="img"
      aria-label={label}
      shape-rendering="crispEdges"
    >
      <path d={squares.join('')} fill="currentColor" />
    </svg>
  );
}
