import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import { drawingOf } from './drawing.ts';
import { instantText } from './instant.tsx';
import { Empty } from './tag.tsx';

export interface Line {
  readonly name: string;
  /** One for each moment; null: not known. */
  readonly values: readonly (number | null)[];
}

export interface PlotProps {
  readonly title: string;
  /** What is plotted, in words: it is read out in place of the drawing. */
  readonly about: string;
  readonly at: readonly string[];
  readonly lines: readonly Line[];
  readonly unit: string;
  readonly bars?: boolean;
  /** Why there is nothing to draw, and what to do about it; shown where there is not. */
  readonly empty: string;
}

const COLOURS = 6;
const ZONE = instantText(new Date().toISOString()).split(' ').at(-1);

/** Changes when light becomes dark: canvases do not follow by themselves. */
function useTheme(): number {
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const follow = (): void => setTurn((turn) => turn + 1);
    const media = matchMedia('(prefers-color-scheme: dark)');
    const observer = new MutationObserver(follow);
    media.addEventListener('change', follow);
    observer.observe(document.documentElement, { attributeFilter: ['data-theme'] });
    return () => {
      media.removeEventListener('change', follow);
      observer.disconnect();
    };
  }, []);
  return turn;
}

/** A drawing of fixed height with its own key, in which the latest values stand, or those under the pointer. */
export function Plot(props: PlotProps): JSX.Element {
  const { title, about, at, lines, unit, empty } = props;
  const drawing = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const [under, setUnder] = useState<number | null>(null);
  const theme = useTheme();
  const shape = `${theme} ${lines.map(({ name }) => name).join()} ${at.length > 0}`;
  useEffect(() => {
    const element = drawing.current;
    if (element === null || at.length === 0 || lines.length === 0) return undefined;
    const made = new uPlot(drawingOf(element, props, setUnder), dataOf(props), element);
    const observer = new ResizeObserver(() =>
      made.setSize({ width: element.clientWidth, height: element.clientHeight }),
    );
    observer.observe(element);
    plot.current = made;
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [shape]);
  useEffect(() => plot.current?.setData(dataOf(props)), [at, lines]);
  const index = under ?? at.length - 1;
  return (
    <figure class="plot card">
      <figcaption class="row apart">
        <h2>{title}</h2>
        <span class="quiet small">
          {unit}, {ZONE}
        </span>
      </figcaption>
      <div class="drawing" ref={drawing} role="img" aria-label={`${title}: ${about}`}>
        {(at.length === 0 || lines.length === 0) && (
          <Empty title="Nothing to draw">
            <span>{empty}</span>
          </Empty>
        )}
      </div>
      <ul>
        {lines.map((line, i) => (
          <li key={line.name} class={`plot-${(i % COLOURS) + 1}`}>
            {line.name} <strong>{figureText(line.values[index] ?? null)}</strong>
          </li>
        ))}
      </ul>
    </figure>
  );
}

function dataOf({ at, lines }: PlotProps): uPlot.AlignedData {
  return [at.map((moment) => Date.parse(moment) / 1000), ...lines.map(({ values }) => [...values])];
}

const FIGURE = new Intl.NumberFormat('en', { maximumSignificantDigits: 3, notation: 'compact' });

export function figureText(value: number | null): string {
  return value === null ? '–' : FIGURE.format(value);
}
