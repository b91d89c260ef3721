import { posix } from 'node:path';
import { isCode, isUnder, type Rule, type SourceFile, type Violation } from './source.ts';
import { codeOf, stringOf, type Token } from './tokens.ts';

export interface Import {
  readonly line: number;
  /** What is imported: a path from the repository's root, a package or `node:x`; null where it is computed. */
  readonly target: string | null;
  /** The names taken; null where all of it is (`*`, a side effect, a dynamic import). */
  readonly names: readonly string[] | null;
  /** Whether nothing is left of it when the program runs: `import type`, `export type`. */
  readonly typesOnly: boolean;
}

/** Everything a file imports: statements, type imports, re-exports, side effects, `import()` in code and in types. */
export function importsOf(file: SourceFile): Import[] {
  const tokens = codeOf(file.text);
  const found: Import[] = [];
  for (const [i, token] of tokens.entries()) {
    if (token.kind !== 'word' || tokens[i - 1]?.text === '.' || tokens[i - 1]?.text === '?.') continue;
    const next = tokens[i + 1];
    if (token.text === 'from' && stringOf(next) !== null) {
      found.push({ ...imported(file, token, next, namesBefore(tokens, i)), typesOnly: isOfTypes(tokens, i) });
    } else if (token.text === 'import' && stringOf(next) !== null) {
      found.push(imported(file, token, next, null));
    } else if ((token.text === 'import' || token.text === 'require') && next?.text === '(') {
      found.push(imported(file, token, tokens[i + 2], null));
    } else if (token.text === 'createRequire' && tokens[i + 1]?.text === '(') {
      found.push({ line: token.line, target: null, names: null, typesOnly: false });
    }
  }
  return found;
}

function imported(file: SourceFile, at: Token, from: Token | undefined, names: string[] | null): Import {
  const specifier = stringOf(from);
  const target = specifier?.startsWith('.')
    ? posix.normalize(posix.join(posix.dirname(file.path), specifier))
    : specifier;
  return { line: at.line, target, names, typesOnly: false };
}

/** Whether the statement that ends with `from` begins with `import type` or `export type`. */
function isOfTypes(tokens: readonly Token[], from: number): boolean {
  let i = from - 1;
  while (i > 0 && !/^(?:import|export)$/.test(tokens[i]?.text ?? '')) i--;
  const next = tokens[i + 2]?.text ?? '';
  return tokens[i + 1]?.text === 'type' && next !== 'from' && next !== ',';
}

/** The names between the braces in front of `from`; null where there is a star or a default import. */
function namesBefore(tokens: readonly Token[], from: number): string[] | null {
  if (tokens[from - 1]?.text !== '}') return null;
  const names: string[] = [];
  for (let i = from - 2; i >= 0 && tokens[i]?.text !== '{'; i--) {
    const { kind, text } = tokens[i] ?? { kind: 'sign', text: '' };
    const renamedTo = tokens[i - 1]?.text === 'as';
    const isType = text === 'type' && tokens[i + 1]?.kind === 'word' && tokens[i + 1]?.text !== 'as';
    if (kind === 'word' && text !== 'as' && !renamedTo && !isType) names.push(text);
  }
  return names;
}

const ROOMS: Readonly<Record<string, readonly string[]>> = {
  core: [],
  config: ['core'],
  runtime: ['core', 'config'],
  proxy: ['core', 'config', 'runtime'],
  'key-service': ['core', 'config', 'runtime'],
  cli: ['core', 'config', 'key-service'],
  demo: ['core', 'config', 'runtime', 'key-service'],
  console: [],
};

/** What the console's page and the key service say to each other: the page takes its types, and nothing that runs. */
const CONSOLE_WIRE = 'src/key-service/console/wire.ts';

/** `src/core/key.ts` is in `core`; a file directly in src is in no room and may import every room. */
function roomOf(path: string): string | null {
  return /^src\/([^/]+)\//.exec(path)?.[1] ?? null;
}

export const importsPointOneWay: Rule = (files) =>
  files.filter(isCode).flatMap((file) => {
    const room = roomOf(file.path);
    const allowed = room === null ? null : (ROOMS[room] ?? null);
    if (room !== null && allowed === null) return [wrong(file, 1, `src/${room} is no room of the program`)];
    return importsOf(file).flatMap(({ target, line, typesOnly }) => {
      if (room === 'console' && target === CONSOLE_WIRE && typesOnly) return [];
      if (target === null) return isUnder('src', file) ? [wrong(file, line, 'a computed import')] : [];
      if (/^src\/main\.[jt]s$/.test(target)) return [wrong(file, line, 'nothing imports src/main.ts')];
      if (!isUnder('src', file) || target.startsWith('node:') || !target.includes('.')) return [];
      if (/^\.\.|^(?:test|bench|scripts)\//.test(target)) return [wrong(file, line, `src imports ${target}`)];
      if (allowed === null || !target.startsWith('src/')) return [];
      const to = roomOf(target);
      return to === room || (to !== null && allowed.includes(to))
        ? []
        : [wrong(file, line, `src/${room} imports ${target}`)];
    });
  });

/** What core may take of Node: computations alone. */
const CORE_BUILTINS: Readonly<Record<string, readonly string[]>> = {
  'node:crypto': [
    'KeyObject',
    'createHash',
    'createHmac',
    'createPrivateKey',
    'createPublicKey',
    'createSecretKey',
    'hash',
    'hkdfSync',
    'sign',
    'timingSafeEqual',
  ],
  'node:util': ['inspect'],
  'node:zlib': ['crc32'],
  'node:net': ['BlockList', 'isIP', 'isIPv4', 'isIPv6'],
};

export const coreTakesNoPackagesAndNoInputOrOutput: Rule = (files) =>
  files
    .filter((file) => isUnder('src/core', file) && isCode(file))
    .flatMap((file) =>
      importsOf(file).flatMap(({ target, names, line }) => {
        if (target === null || target.startsWith('src/')) return [];
        const allowed = CORE_BUILTINS[target];
        if (allowed === undefined) return [wrong(file, line, `core imports ${target}`)];
        if (names === null) return [wrong(file, line, `core imports all of ${target}`)];
        return names
          .filter((name) => !allowed.includes(name))
          .map((name) => wrong(file, line, `core imports ${name} of ${target}`));
      }),
    );

const DECISION = 'src/core/decision.ts';
const PIPELINE = 'src/proxy/pipeline.ts';

/** A permit is the only way to the upstream, so only the pipeline may reach the function that mints one. */
export const onlyThePipelineMintsPermits: Rule = (files) =>
  files
    .filter((file) => isUnder('src', file) && isCode(file) && file.path !== PIPELINE)
    .flatMap((file) =>
      importsOf(file)
        .filter(({ target, names }) => target === DECISION && (names === null || names.includes('permit')))
        .map(({ line }) => wrong(file, line, `permit of ${DECISION} is for ${PIPELINE} alone`)),
    );

function wrong({ path }: SourceFile, line: number, what: string): Violation {
  return { path, line, what };
}
