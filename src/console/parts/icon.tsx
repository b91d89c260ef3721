import type { JSX } from 'preact';

/** Strokes on a ground of 16 by 16. */
const PATHS = {
  keys: 'M10.5 9a3.5 3.5 0 1 0-3.2-2.1L2 12.2V14h2.4v-1.6H6v-1.6h1.6l1.1-1.1c.5.2 1.1.3 1.8.3ZM11 5.2v.1',
  traffic: 'M1.5 9h3l2-6 3 10 2-6h3',
  refusals: 'M8 14.5a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13ZM3.5 3.5l9 9',
  fleet: 'M2.5 2.5h11v4h-11zM2.5 9.5h11v4h-11zM5 4.5h.1M5 11.5h.1',
  'what-if': 'M1.5 12.5 5 8l3 2.5 6-7M10.5 3.5H14V7M1.5 14.5h13',
  operators:
    'M6 8a2.7 2.7 0 1 0 0-5.4A2.7 2.7 0 0 0 6 8ZM1.5 14c0-2.6 2-4 4.5-4s4.5 1.4 4.5 4M11 8.2a2.4 2.4 0 0 0 0-4.8M12.6 10.6c1.3.5 2 1.6 2 3.2',
  close: 'm3.5 3.5 9 9m0-9-9 9',
  copy: 'M5.5 5.5v-3h8v8h-3M2.5 5.5h8v8h-8z',
  plus: 'M8 2.5v11M2.5 8h11',
  theme: 'M8 14.5a6.5 6.5 0 1 0 0-13v13Zm0-13v13',
  account: 'M8 8.2a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM2.5 14c0-2.8 2.3-4.4 5.5-4.4s5.5 1.6 5.5 4.4',
  back: 'M9.5 3 4.5 8l5 5',
  next: 'm6.5 3 5 5-5 5',
} as const;

export type IconName = keyof typeof PATHS;

/** Says nothing by itself: what it stands beside has words. */
export function Icon({ name }: { readonly name: IconName }): JSX.Element {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path
        d={PATHS[name]}
        fill="none"
        stroke="currentColor"
        stroke-width="1.5"
        stroke-linecap="round"
        stroke-linejoin="round"
      />
    </svg>
  );
}
