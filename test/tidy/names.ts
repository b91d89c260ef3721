import { matchesIn, type Rule } from './source.ts';

/** Names that tools and readers expect as they are. */
const CONVENTIONAL = new Set(
  'README.md LICENSE NOTICE CHANGELOG.md CONTRIBUTING.md SECURITY.md Dockerfile Chart.yaml NOTES.txt'.split(
    ' ',
  ),
);
const KEBAB = /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z0-9]+(?:-[a-z0-9]+)*)*$/;
const EMPTY_WORDS = new Set(
  'util utils helper helpers common lib libs manager managers impl misc stuff'.split(' '),
);

/** Helm takes no manifest from a file whose name begins with an underscore: it holds named templates. */
const NAMED_TEMPLATES = /^_(?=[^_]*\.tpl$)/;

export const namesAreKebabCase: Rule = (files) =>
  files.flatMap(({ path }) =>
    path
      .split('/')
      .filter((part) => !part.startsWith('.') && !CONVENTIONAL.has(part))
      .filter((part) => !KEBAB.test(part.replace(NAMED_TEMPLATES, '')))
      .map((part) => ({ path, line: 1, what: part })),
  );

/** A name says what is inside; these say nothing. */
export const namesSaySomething: Rule = (files) =>
  files.flatMap(({ path }) =>
    path
      .toLowerCase()
      .split(/[^a-z0-9]+/)
      .filter((word) => EMPTY_WORDS.has(word))
      .map((word) => ({ path, line: 1, what: word })),
  );

const KEY_LITERAL = /(?:plx_sk_|pxt_sk_|pmcp_|pg_sk_|sk_live_|sk_test_)[0-9A-Za-z]{20,}/g;

/** Keys are made at run time. One in a file, even a made-up one, teaches scanners and people to look away. */
export const noFileHoldsAKey: Rule = (files) => matchesIn(files, KEY_LITERAL, 'a text that looks like a key');
