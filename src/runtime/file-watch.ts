import { watch, type FSWatcher } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { textOf, whyUnreadable, type FileText } from '../config/checked-text.ts';

/** What files held when they were read together, by their paths. */
export type Reading = ReadonlyMap<string, FileText>;

export interface FileWatchOptions {
  /** The files that are followed, as they were read last. */
  readonly first: Reading;
  /**
   * Told of what all of the files hold now, also that one cannot be read, whenever that is something else than before;
   * of what comes next when it is done. MUST NOT reject.
   */
  readonly onChange: (now: Reading) => Promise<void> | void;
}

/** A write in place shows a file half written; what two readings this far apart agree on is taken for whole. */
const AGREE_MS = 200;
/** Where the system tells of no change: network file systems, a directory that was itself replaced. */
const POLL_MS = 500;
/** Other files of the directory may change all the time. */
const EVENT_MS = 50;
const MAX_BYTES = 16 * 1024 * 1024;

/**
 * Follows files that belong together: written in place, renamed into their places, or behind a symbolic link that is
 * swapped there or at a directory above, as Kubernetes does with a ConfigMap. The content itself is compared, for times
 * and sizes may stay the same.
 */
export class FileWatch {
  readonly #onChange: FileWatchOptions['onChange'];
  readonly #poll: NodeJS.Timeout;
  readonly #watchers = new Map<string, FSWatcher>();
  #told: Reading;
  #paths: readonly string[];
  #looking = false;
  #soon: NodeJS.Timeout | null = null;
  #closed = false;

  constructor({ first, onChange }: FileWatchOptions) {
    this.#onChange = onChange;
    this.#told = first;
    this.#paths = [...first.keys()];
    this.#poll = setInterval(() => void this.#look(), POLL_MS).unref();
    this.#watchDirectories();
  }

  /** From now on these are followed. Where one of them was not before, all are told of soon. */
  follow(paths: Iterable<string>): void {
    this.#paths = [...new Set(paths)];
    this.#told = new Map([...this.#told].filter(([path]) => this.#paths.includes(path)));
    this.#watchDirectories();
    this.#lookSoon();
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#poll);
    clearTimeout(this.#soon ?? undefined);
    for (const watcher of this.#watchers.values()) watcher.close();
  }

  /** Watches only make it faster: where the system gives none, the poll goes on. */
  #watchDirectories(): void {
    const wanted = new Set(this.#paths.map((path) => dirname(path)));
    for (const [directory, watcher] of this.#watchers) {
      if (wanted.has(directory)) continue;
      watcher.close();
      this.#watchers.delete(directory);
    }
    for (const directory of wanted) {
      if (this.#watchers.has(directory)) continue;
      try {
        const watcher = watch(directory, { persistent: false }, () => this.#lookSoon());
        this.#watchers.set(directory, watcher);
        watcher.on('error', () => watcher.close());
      } catch {
        // There is no watch of what is not there.
      }
    }
  }

  #lookSoon(): void {
    if (this.#closed) return;
    this.#soon ??= setTimeout(() => {
      this.#soon = null;
      void this.#look();
    }, EVENT_MS).unref();
  }

  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      const first = await this.#read();
      if (same(first, this.#told)) return;
      const agreed = await this.#agree(first);
      if (this.#closed || same(agreed, this.#told)) return;
      this.#told = agreed;
      await this.#onChange(agreed);
    } finally {
      this.#looking = false;
    }
  }

  async #agree(first: Reading): Promise<Reading> {
    for (let before = first; ;) {
      await pause(AGREE_MS, undefined, { ref: false });
      const now = await this.#read();
      if (this.#closed || same(now, before)) return now;
      before = now;
    }
  }

  #read(): Promise<Reading> {
    return readFiles(this.#paths);
  }
}

export async function readFiles(paths: Iterable<string>): Promise<Reading> {
  const texts = Array.from(paths, async (path) => [path, await readFileText(path)] as const);
  return new Map(await Promise.all(texts));
}

async function readFileText(path: string): Promise<FileText> {
  try {
    const { size } = await stat(path);
    if (size > MAX_BYTES) return { kind: 'unreadable', why: `has more than ${MAX_BYTES} bytes` };
    return textOf(await readFile(path));
  } catch (error) {
    return whyUnreadable(error);
  }
}

function same(a: Reading, b: Reading): boolean {
  return a.size === b.size && [...a].every(([path, text]) => isSameText(text, b.get(path)));
}

function isSameText(a: FileText, b: FileText | undefined): boolean {
  if (a.kind === 'text') return b?.kind === 'text' && a.text === b.text;
  return b?.kind === 'unreadable' && a.why === b.why;
}
