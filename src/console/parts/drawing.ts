import uPlot from 'uplot';
import type { PlotProps } from './plot.tsx';

const COLOURS = 6;

/** A colour of the design as a canvas understands it, at this moment and in this theme. */
function colourOf(element: Element, name: string): string {
  const probe = document.createElement('span');
  probe.style.color = `var(--${name})`;
  element.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

function axesOf(element: Element): uPlot.Axis[] {
  const ink = colourOf(element, 'quiet');
  const line = { stroke: colourOf(element, 'line'), width: 1 };
  const font = `11px ${getComputedStyle(element).fontFamily}`;
  const axis = { stroke: ink, font, grid: line, ticks: { ...line, size: 4 } };
  return [
    { ...axis, space: 70, size: 34, values: (_plot, moments) => momentsText(moments) },
    { ...axis, size: 46, space: 36 },
  ];
}

const MINUTE = 60;
const DAY = 86_400;

function formFor(spanSeconds: number): Intl.DateTimeFormatOptions {
  if (spanSeconds > 2 * DAY) return { day: 'numeric', month: 'short' };
  const time = { hour: '2-digit', minute: '2-digit' } as const;
  return spanSeconds < 5 * MINUTE ? { ...time, second: '2-digit' } : time;
}

/** Times of the day, and days where the plot has many; the zone stands above the plot. */
function momentsText(moments: readonly number[]): string[] {
  const form = new Intl.DateTimeFormat('en-GB', formFor((moments.at(-1) ?? 0) - (moments[0] ?? 0)));
  return moments.map((moment) => form.format(new Date(moment * 1000)));
}

/** So that the first and the last bar are whole. */
function aroundBars(plot: uPlot, first: number, last: number): [number, number] {
  const half = (last - first) / Math.max(1, plot.data[0].length - 1) / 2;
  return [first - half, last + half];
}

/** How a plot is drawn. All plots of a page share one cursor. */
export function drawingOf(
  element: HTMLElement,
  { lines, bars }: PlotProps,
  onCursor: (index: number | null) => void,
): uPlot.Options {
  const barPaths = uPlot.paths.bars?.({ size: [0.7, 24] });
  return {
    width: Math.max(1, element.clientWidth),
    height: element.clientHeight,
    legend: { show: false },
    padding: [8, 26, 0, 0],
    cursor: { sync: { key: 'console' }, drag: { x: false, y: false }, points: { size: 6 } },
    scales: {
      x: { time: true, ...(bars === true && { range: aroundBars }) },
      y: { range: (_plot, _low, high) => [0, high > 0 ? high * 1.1 : 1] },
    },
    axes: axesOf(element),
    series: [
      {},
      ...lines.map(({ name }, i) => {
        const stroke = colourOf(element, `plot-${(i % COLOURS) + 1}`);
        const filled = bars === true && barPaths !== undefined;
        return {
          label: name,
          stroke,
          width: filled ? 0 : 1.5,
          points: { show: false },
          spanGaps: false,
          ...(filled && { fill: stroke, paths: barPaths }),
        };
      }),
    ],
    hooks: { setCursor: [(plot) => onCursor(plot.cursor.idx ?? null)] },
  };
}
