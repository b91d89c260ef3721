import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { blocksOf, type Block } from './page.ts';

const ROOT = join(import.meta.dirname, '../..');
export const EXAMPLES = join(ROOT, 'examples');
/** It ends what hangs; how long a page takes is not the question. */
export const PATIENCE_MS = 200_000;
const ENDS_AFTER_MS = 180_000;

export interface Ran extends Block {
  /** With the errors. */
  readonly output: string;
  /** Of the last command. */
  readonly exitCode: number;
}

export interface PageRun {
  readonly blocks: readonly Ran[];
  /** Files that are still under the clone's `data` at the end. */
  readonly left: readonly string[];
}

const PORT = /(?:127\.0\.0\.1:|\bport:? |PORT=)(\d{4,5})\b/g;

/** The ports that the files of an example name. */
export function portsOf(example: string): string[] {
  const texts = filesIn(join(EXAMPLES, example)).map((file) => readFileSync(file, 'utf8'));
  return [...new Set(texts.flatMap((text) => Array.from(text.matchAll(PORT), ([, port]) => String(port))))];
}

/**
 * Types the commands of `examples/<example>/README.md` into a shell, as a reader does in the root of a clone, which is
 * made at `clone`. `ports` has the one to use for each that the example names. Rejects where something does not end.
 */
export async function runPage(
  example: string,
  clone: string,
  ports: ReadonlyMap<string, number>,
): Promise<PageRun> {
  try {
    return await typedIn(clone, example, ports);
  } finally {
    rmSync(clone, { recursive: true, force: true });
  }
}

async function typedIn(clone: string, example: string, ports: ReadonlyMap<string, number>): Promise<PageRun> {
  mkdirSync(clone);
  for (const name of ['dist', 'node_modules', 'package.json', 'LICENSE']) {
    symlinkSync(join(ROOT, name), join(clone, name));
  }
  for (const name of ['bin', 'service.js', example]) {
    cpSync(join(EXAMPLES, name), join(clone, 'examples', name), { recursive: true });
  }
  const own = join(clone, 'examples', example);
  for (const file of filesIn(own)) {
    const text = readFileSync(file, 'utf8');
    writeFileSync(
      file,
      text.replace(/\b\d{4,5}\b/g, (number) => String(ports.get(number) ?? number)),
    );
  }
  const blocks = await typeAll(blocksOf(join(own, 'README.md')), clone);
  return { blocks, left: filesIn(join(clone, 'data')) };
}

function filesIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

const END = '\u001e';

async function typeAll(blocks: readonly Block[], cwd: string): Promise<Ran[]> {
  const script = blocks.map(({ commands }) => `${commands}printf '${END}%s${END}' $?\n`).join('');
  writeFileSync(join(cwd, 'commands'), `exec 2>&1\n${script}`);
  const { NODE_OPTIONS: _, ...inherited } = process.env;
  // The same code is started again and again.
  const env = { ...inherited, NODE_COMPILE_CACHE: join(dirname(cwd), 'compiled') };
  // A group of its own: nothing that a page forgets to end outlives it.
  const shell = spawn('sh', ['commands'], { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  let late = false;
  shell.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  const timer = setTimeout(() => {
    late = true;
    process.kill(-(shell.pid ?? 0), 'SIGKILL');
  }, ENDS_AFTER_MS);
  // Everything that the shell has started writes there, too, so that it closes behind the last of them.
  await once(shell, 'close');
  clearTimeout(timer);
  if (late) throw new Error(`something does not end, of what printed this:\n${output}`);
  const parts = output.split(END);
  return blocks.map((block, i) => ({
    ...block,
    output: parts[2 * i] ?? '',
    exitCode: Number(parts[2 * i + 1] ?? Number.NaN),
  }));
}
