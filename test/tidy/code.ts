import { functionsOf, type FunctionSpan } from './functions.ts';
import { isCode, isUnder, lineAt, type Rule, type SourceFile, type Violation } from './source.ts';
import { codeOf, tokensOf, type Token } from './tokens.ts';

const FILE_LINES = 300;
const FUNCTION_LINES = 60;

export const filesFitOnAFewScreens: Rule = (files) =>
  files.filter(isCode).flatMap(({ path, text }) => {
    const lines = text.trimEnd().split('\n').length;
    return lines <= FILE_LINES ? [] : [{ path, line: FILE_LINES + 1, what: `${lines} lines` }];
  });

/** What groups tests, a `describe` or a function made of them, is not read as a whole. */
export const functionsFitOnAScreen: Rule = (files) =>
  files.filter(isCode).flatMap((file) => {
    const lines = file.text.split('\n');
    const grouped = (span: FunctionSpan): boolean =>
      isUnder('test', file) &&
      (span.handedTo === 'describe' ||
        lines.slice(span.line, span.line + span.lines - 1).some((line) => /^\s*describe\b/.test(line)));
    return functionsOf(file.text)
      .filter((span) => span.lines > FUNCTION_LINES && !grouped(span))
      .map((span) => ({ path: file.path, line: span.line, what: `a function of ${span.lines} lines` }));
  });

type Find = (tokens: readonly Token[], i: number) => string | null;

/** Whether the tokens from `i` on read as `texts`. */
function reads(tokens: readonly Token[], i: number, ...texts: string[]): boolean {
  return texts.every((text, k) => tokens[i + k]?.text === text);
}

function scan(files: readonly SourceFile[], find: Find): Violation[] {
  return files.filter(isCode).flatMap(({ path, text }) => {
    const tokens = codeOf(text);
    return tokens.flatMap(({ kind, line }, i) => {
      const what = kind === 'word' ? find(tokens, i) : null;
      return what === null ? [] : [{ path, line, what }];
    });
  });
}

const AMBIENT = new Set([
  'fetch',
  'process',
  'console',
  'performance',
  'globalThis',
  'setTimeout',
  'setInterval',
  'setImmediate',
]);

/** Core is given instants and data; it never looks for them. */
export const coreReadsNoClockAndNoWorld: Rule = (files) =>
  scan(
    files.filter((file) => isUnder('src/core', file)),
    (tokens, i) => {
      const word = tokens[i]?.text ?? '';
      if (reads(tokens, i, 'Date', '.', 'now')) return 'Date.now';
      if (reads(tokens, i, 'new', 'Date', '(', ')') || reads(tokens, i, 'new', 'Date', ';'))
        return 'new Date()';
      if (reads(tokens, i, 'Date', '(')) return tokens[i - 1]?.text === 'new' ? null : 'Date()';
      if (reads(tokens, i, 'Math', '.', 'random')) return 'Math.random';
      if (reads(tokens, i, 'Temporal', '.', 'Now')) return 'Temporal.Now';
      const isName =
        tokens[i - 1]?.text !== '.' && tokens[i - 1]?.text !== '?.' && tokens[i + 1]?.text !== ':';
      return AMBIENT.has(word) && isName ? word : null;
    },
  );

/** Who turns a Secret into text, and why. */
const REVEALERS: ReadonlySet<string> = new Set([
  // What the upstream wants to see.
  'src/core/forward-headers.ts',
  // The checksum of a key.
  'src/proxy/pipeline.ts',
  // A new key is shown once: by the key service's answers, and by the demo.
  'src/key-service/calls.ts',
  'src/key-service/plexe-calls.ts',
  'src/key-service/plexmcp-calls.ts',
  'src/demo/keys.ts',
  'src/key-service/console/key-calls.ts',
  // The service token: as key material for what is kept in Redis.
  'src/core/seal.ts',
  // The keys that sign who is calling.
  'src/core/assertion.ts',
  // Secrets of a configuration that another thread has read.
  'src/config/crossing.ts',
  // What the collector of spans wants to see.
  'src/runtime/tracing/otlp-tracing.ts',
  // The password for Redis, which the client sends when it connects.
  'src/runtime/redis/client.ts',
  // The service token and the admin token, in the header of a call.
  'src/proxy/keys/service-client.ts',
  'src/cli/admin-client.ts',
  // Key material for HMAC, and tokens that may not be empty.
  'src/key-service/peppers.ts',
  'src/key-service/tokens.ts',
  // The password of the database is in its URL.
  'src/key-service/store/postgres-url.ts',
]);

const reveals: Find = (tokens, i) =>
  tokens[i]?.text === 'reveal' && /^\??\.$/.test(tokens[i - 1]?.text ?? '') ? 'reveal' : null;

export const secretsAreRevealedWhereListed: Rule = (files) =>
  scan(
    files.filter((file) => isUnder('src', file) && !REVEALERS.has(file.path)),
    reveals,
  );

/** A file that no longer reveals leaves the list. */
export const listedFilesStillReveal: Rule = (files) => {
  const revealing = new Set(scan(files, reveals).map(({ path }) => path));
  return [...REVEALERS]
    .filter((path) => !revealing.has(path))
    .map((path) => ({ path, line: 1, what: 'listed, but reveals nothing' }));
};

export const typesAreNotSwitchedOff: Rule = (files) => {
  const ours = files.filter((file) => isUnder('src', file) && isCode(file));
  const anys = scan(ours, (tokens, i) => {
    const isType = !/^\??\.$/.test(tokens[i - 1]?.text ?? '') && tokens[i + 1]?.text !== ':';
    return tokens[i]?.text === 'any' && isType ? 'any' : null;
  });
  const switches = ours.flatMap(({ path, text }) =>
    tokensOf(text)
      .filter(({ kind, text: comment }) => kind === 'comment' && SWITCH.test(comment))
      .map(({ line, text: comment }) => ({ path, line, what: SWITCH.exec(comment)?.[0] ?? '' })),
  );
  return [...anys, ...switches];
};

const SWITCH =
  /@ts-(?:ignore|nocheck|expect-error)|(?:eslint|oxlint|tslint|biome)-(?:disable|ignore)\S*|prettier-ignore/;

const SUITES = new Set(['describe', 'it', 'test', 'suite', 'bench']);
const ALTERED = new Set(['only', 'skip', 'todo', 'fails', 'skipIf', 'runIf']);
const SHORT_FORMS = new Set(['fit', 'xit', 'fdescribe', 'xdescribe', 'xtest', 'ftest']);

/** Every test runs, and none alone. */
export const noTestIsLeftOutOrRunsAlone: Rule = (files) =>
  scan(
    files.filter((file) => isUnder('test', file)),
    (tokens, i) => {
      const word = tokens[i]?.text ?? '';
      if (SHORT_FORMS.has(word) && tokens[i + 1]?.text === '(') return word;
      if (ALTERED.has(word) && reads(tokens, i + 1, ':', 'true')) return word;
      if (!ALTERED.has(word) || tokens[i - 1]?.text !== '.') return null;
      let head = i - 2;
      while (tokens[head - 1]?.text === '.') head -= 2;
      const subject = tokens[head]?.text ?? '';
      return SUITES.has(subject) || /^(?:ctx|context|t)$/.test(subject) ? `${subject}.${word}` : null;
    },
  );

const UNFINISHED = /\b(?:TO[D]O|FIX[M]E|X[X]X|HA[C]K)\b/g;

export const nothingIsLeftForLater: Rule = (files) =>
  files.flatMap(({ path, text }) =>
    Array.from(text.matchAll(UNFINISHED), (match) => ({
      path,
      line: lineAt(text, match.index),
      what: match[0],
    })),
  );
