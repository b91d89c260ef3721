import { printable } from './terminal.ts';

/** What a column is called and what it shows of an entry. */
export interface Column {
  readonly title: string;
  readonly cell: (entry: Json) => string;
}

/** An object of an answer, of which nothing is taken for granted. */
export type Json = Readonly<Record<string, unknown>>;

export function jsonOf(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

const GAP = '  ';
/** No column is made narrower than this. */
const WIDTH_MIN = 8;

/** Lines of columns as wide as what is in them; where that is more than `columns`, the widest are cut. */
export function table(entries: readonly Json[], shown: readonly Column[], columns: number | null): string {
  const rows = [
    shown.map(({ title }) => title),
    ...entries.map((entry) => shown.map(({ cell }) => printable(cell(entry)))),
  ];
  const widths = fitted(
    shown.map((_, i) => Math.max(...rows.map((row) => widthOf(row[i] ?? '')))),
    columns,
  );
  const line = (row: readonly string[]) =>
    row
      .map((text, i) => padded(text, widths[i] ?? 0))
      .join(GAP)
      .trimEnd();
  return rows.map((row) => `${line(row)}\n`).join('');
}

/** One entry, a line for each column. */
export function sheet(entry: Json, shown: readonly Column[]): string {
  const width = Math.max(...shown.map(({ title }) => title.length));
  return shown.map(({ title, cell }) => `${title.padEnd(width)}${GAP}${printable(cell(entry))}\n`).join('');
}

function fitted(wanted: readonly number[], columns: number | null): number[] {
  const widths = [...wanted];
  const room = columns === null ? Infinity : columns - GAP.length * (widths.length - 1);
  for (let over = sum(widths) - room; over > 0; over--) {
    const widest = Math.max(...widths);
    if (widest <= WIDTH_MIN) break;
    widths[widths.indexOf(widest)] = widest - 1;
  }
  return widths;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function padded(text: string, width: number): string {
  if (widthOf(text) <= width) return text + ' '.repeat(width - widthOf(text));
  let cut = '';
  for (const character of text) {
    if (widthOf(cut + character) > width - 1) break;
    cut += character;
  }
  return `${cut}…${' '.repeat(width - 1 - widthOf(cut))}`;
}

const NO_WIDTH = /\p{Mn}|\p{Me}/u;
const TWICE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}|[\u{20000}-\u{3fffd}]/u;

/** Columns of a terminal, where Chinese, Japanese and Korean characters take two. */
function widthOf(text: string): number {
  let width = 0;
  for (const character of text) width += NO_WIDTH.test(character) ? 0 : TWICE.test(character) ? 2 : 1;
  return width;
}

/** An instant of the API in UTC to the second, in a form that `--expires-at` takes back; `none` where there is none. */
export function instantCell(value: unknown, none: string): string {
  const at = typeof value === 'string' ? new Date(value) : null;
  if (at === null || Number.isNaN(at.getTime())) return none;
  return at.toISOString().replace(/\.\d+Z$/, 'Z');
}

/** A text, number or truth value as it is, a list with commas, anything else as nothing. */
export function plainCell(value: unknown, none = '-'): string {
  if (Array.isArray(value)) return value.length === 0 ? none : value.map((one) => plainCell(one)).join(', ');
  return ['string', 'number', 'boolean'].includes(typeof value) ? String(value) : none;
}
