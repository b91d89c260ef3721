import { posix } from 'node:path';
import { type Rule, type SourceFile, type Violation } from './source.ts';

const EXACT = /^(?:npm:(?:@[\w.-]+\/)?[\w.-]+@)?\d+\.\d+\.\d+(?:-[\w.-]+)?(?:\+[\w.-]+)?$/;
const VERSION_FIELDS = [
  'dependencies',
  'devDependencies',
  'optionalDependencies',
  'peerDependencies',
  'overrides',
];

/** The same clone installs the same code, with or without the lock file. */
export const versionsAreExact: Rule = (files) =>
  files
    .filter(({ path }) => posix.basename(path) === 'package.json')
    .flatMap(({ path, text }) => {
      const manifest = JSON.parse(text) as Record<string, unknown>;
      return VERSION_FIELDS.flatMap((field) => rangesIn(manifest[field])).map((what) => ({
        path,
        line: 1,
        what,
      }));
    });

function rangesIn(value: unknown, name = ''): string[] {
  if (typeof value === 'string') return EXACT.test(value) ? [] : [`${name} ${value}`];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => rangesIn(inner, key));
}

const SECTIONS = new Set(['Added', 'Changed', 'Deprecated', 'Removed', 'Fixed', 'Security']);
const RELEASE = /^## (?:\[(?=.*\]))?(Unreleased|\d+\.\d+\.\d+)\]?(?: - (\d{4}-\d{2}-\d{2}))?$/;

/** Keep a Changelog 1.1: releases with their dates, the newest first, each with known sections that hold something. */
export const changelogHasItsShape: Rule = (files) =>
  files
    .filter(({ path }) => path === 'CHANGELOG.md')
    .flatMap(({ path, text }) =>
      changelogProblems(text.split('\n')).map(([line, what]) => ({ path, line, what })),
    );

function changelogProblems(lines: readonly string[]): [line: number, what: string][] {
  const problems: [number, string][] = [];
  if (!/^# Change(?:s|log)$/.test(lines[0] ?? '')) problems.push([1, 'the title is not "# Changes"']);
  let releases = 0;
  let newer = '9999-99-99';
  for (const [i, text] of lines.entries()) {
    if (text.startsWith('## ')) {
      const [matched, name, date] = RELEASE.exec(text) ?? [];
      if (matched === undefined) problems.push([i + 1, 'no "## version - date"']);
      else if (name === 'Unreleased' && (releases > 0 || date !== undefined))
        problems.push([i + 1, 'Unreleased has no date and comes first']);
      else if (name !== 'Unreleased' && (date === undefined || date > newer))
        problems.push([i + 1, 'a release has a date, and the newest comes first']);
      if (date !== undefined) newer = date;
      releases++;
    } else if (text.startsWith('### ')) {
      if (!SECTIONS.has(text.slice(4))) problems.push([i + 1, `no section is called ${text.slice(4)}`]);
      if (
        !lines
          .slice(i + 1)
          .find((line) => line.trim() !== '')
          ?.startsWith('- ')
      )
        problems.push([i + 1, 'an empty section']);
    }
  }
  if (releases === 0) problems.push([1, 'no release']);
  return problems;
}

const LINK = /\]\(([^)\s]+)(?:\s+"[^"]*")?\)|^\[[^\]]+\]:\s*(\S+)/gm;

/** A page nobody links is a page nobody finds; a link to nothing finds nobody. */
export const documentsAreLinked: Rule = (files) => {
  const paths = new Set(files.map(({ path }) => path));
  const pages = files.filter(({ path }) => path === 'README.md' || /^docs\/.*\.md$/.test(path));
  const links = pages.flatMap((page) => linksOf(page).map((link) => ({ ...link, from: page.path })));
  const linked = new Set(links.filter(({ from, to }) => from !== to).map(({ to }) => to));
  const lost: Violation[] = files
    .filter(({ path }) => path.startsWith('docs/') && !linked.has(path))
    .map(({ path }) => ({ path, line: 1, what: 'no page links it' }));
  const dead = links
    .filter(
      ({ to }) => !paths.has(to) && !files.some(({ path }) => path.startsWith(`${to.replace(/\/$/, '')}/`)),
    )
    .map(({ from, line, to }) => ({ path: from, line, what: `a link to ${to}, which is not there` }));
  return [...lost, ...dead];
};

function linksOf({ path, text }: SourceFile): { to: string; line: number }[] {
  const prose = text.replace(/^(```|~~~)[\s\S]*?^\1/gm, (block) => block.replace(/[^\n]/g, ''));
  return Array.from(prose.matchAll(LINK), (match) => {
    const target = (match[1] ?? match[2] ?? '').replace(/[#?].*$/, '');
    return { target, line: prose.slice(0, match.index).split('\n').length };
  })
    .filter(({ target }) => target !== '' && !/^[a-z][a-z0-9+.-]*:/i.test(target))
    .map(({ target, line }) => ({ to: posix.normalize(posix.join(posix.dirname(path), target)), line }));
}
