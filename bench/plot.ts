import { median, type CaseFigures } from './figures.ts';
import { whole } from './table.ts';

const WIDTH = 860;
const NAME_WIDTH = 150;
const VALUE_WIDTH = 90;
const ROW = 30;
const TOP = 44;
const BAR = 18;

/** Bars of throughput as an SVG: the median of the rounds, and a line from the slowest round to the fastest. */
export function plot(title: string, figures: CaseFigures): string {
  const bars = Object.entries(figures).map(([name, samples]) => {
    const values = samples.map(({ perSecond }) => perSecond);
    return { name, middle: median(values), least: Math.min(...values), most: Math.max(...values) };
  });
  const longest = Math.max(...bars.map(({ most }) => most));
  const scale = (WIDTH - NAME_WIDTH - VALUE_WIDTH) / longest;
  const height = TOP + bars.length * ROW + 12;
  const rows = bars.map(({ name, middle, least, most }, i) => {
    const y = TOP + i * ROW;
    const centre = y + BAR / 2;
    const at = (value: number): string => (NAME_WIDTH + value * scale).toFixed(1);
    return [
      `  <text x="${NAME_WIDTH - 8}" y="${centre + 4}" text-anchor="end">${name}</text>`,
      `  <rect x="${NAME_WIDTH}" y="${y}" width="${(middle * scale).toFixed(1)}" height="${BAR}" fill="${colourOf(name)}"/>`,
      `  <path d="M${at(least)} ${centre}H${at(most)}" stroke="#222" stroke-width="1.5"/>`,
      `  <text x="${Number(at(most)) + 6}" y="${centre + 4}">${whole(middle)}</text>`,
    ].join('\n');
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="13">
  <rect width="${WIDTH}" height="${height}" fill="#fff"/>
  <text x="${NAME_WIDTH}" y="22" font-size="15">${title}: requests/s on one core</text>
${rows.join('\n')}
</svg>
`;
}

function colourOf(name: string): string {
  if (name.startsWith('gate')) return '#2f6f4f';
  return name === 'upstream' ? '#bbb' : '#6a8caf';
}
