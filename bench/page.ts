import { readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { CASES, MAIN_CASE } from './cases.ts';
import type { Figures, Ratios } from './figures.ts';
import { plot } from './plot.ts';
import { markdown, ratioRows, rowsOf, type Rows } from './table.ts';

const PAGE = 'docs/performance.md';
const PLOT = 'docs/performance.svg';
const CURVES = /(<!-- curves -->\n)[\s\S]*(<!-- \/curves -->)/;
const BETWEEN = /(<!-- figures -->\n)[\s\S]*(<!-- \/figures -->)/;

export interface Result {
  readonly about: string;
  /** Of throughput in the main case. */
  readonly ratios: Ratios;
  readonly processorRatios: Ratios;
  readonly figures: Figures;
  readonly missing: readonly string[];
}

/** The result as text, for the terminal and for the page. */
export function textOf({ about, ratios, processorRatios, figures, missing }: Result): string {
  const cases = CASES.filter(({ name }) => Object.keys(figures[name] ?? {}).length > 0);
  const tables = cases.map((which) => `### ${which.title}\n\n${markdown(rowsOf(which, figures))}`);
  const parts = [about, ...tables];
  if (Object.keys(ratios).length > 0) {
    const title = '### Ratios at 32 connections, each within its round';
    parts.splice(1, 0, `${title}\n\n${markdown(ratioRows(ratios, processorRatios))}`);
  }
  return [...parts, ...missing.map((line) => `${line}.`)].join('\n\n');
}

/** Puts the curves of this run into the page. */
export function writeCurves(about: string, rows: Rows): void {
  const page = readFileSync(PAGE, 'utf8');
  if (!CURVES.test(page)) throw new Error(`${PAGE} has no place for curves`);
  writeFileSync(
    PAGE,
    page.replace(CURVES, (_, begin, end) => `${begin}\n${about}\n\n${markdown(rows)}\n\n${end}`),
  );
}

/** Puts the figures of this run into the page, and the plot beside it. */
export function writePage(result: Result): void {
  const page = readFileSync(PAGE, 'utf8');
  if (!BETWEEN.test(page)) throw new Error(`${PAGE} has no place for figures`);
  const main = result.figures[MAIN_CASE];
  const title = CASES.find(({ name }) => name === MAIN_CASE)?.title ?? '';
  const picture = main === undefined ? '' : `![${title}, requests a second](${basename(PLOT)})\n\n`;
  const text = `${picture}${textOf(result)}`;
  writeFileSync(
    PAGE,
    page.replace(BETWEEN, (_, begin, end) => `${begin}\n${text}\n\n${end}`),
  );
  if (main !== undefined) writeFileSync(PLOT, plot(title, main));
}
