import { watch, type FSWatcher } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { textOf, whyUnreadable, type FileText } from '../config/checked-text.ts';

export interface FileWatchOptions {
  readonly path: string;
  /** What the file held when it was read last. */
  readonly first: FileText;
  /**
   * Told of what the file holds now, also that it cannot be read, whenever that is something else than before; of what
   * comes next when it is done. MUST NOT reject.
   */
  readonly onChange: (now: FileText) => Promise<void> | void;
}

/** A write in place shows a file half written; what two readings this far apart agree on is taken for whole. */
const AGREE_MS = 200;
/** Where the system tells of no change: network file systems, a directory that was itself replaced. */
const POLL_MS = 500;
/** Other files of the directory may change all the time. */
const EVENT_MS = 50;
const MAX_BYTES = 16 * 1024 * 1024;

/**
 * Follows what stands at `path`: a file written in place, renamed into it, or behind a symbolic link that is swapped
 * there or at a directory above, as Kubernetes does with a ConfigMap. The content itself is compared, for times and
 * sizes may stay the same.
 */
export class FileWatch {
  readonly #options: FileWatchOptions;
  readonly #poll: NodeJS.Timeout;
  readonly #watcher: FSWatcher | null;
  #told: FileText;
  #looking = false;
  #soon: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(options: FileWatchOptions) {
    this.#options = options;
    this.#told = options.first;
    this.#poll = setInterval(() => void this.#look(), POLL_MS).unref();
    this.#watcher = this.#watchDirectory();
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#poll);
    clearTimeout(this.#soon ?? undefined);
    this.#watcher?.close();
  }

  /** Only makes it faster: null where the system gives no watches, and the poll goes on. */
  #watchDirectory(): FSWatcher | null {
    try {
      const watcher = watch(dirname(this.#options.path), { persistent: false }, () => this.#lookSoon());
      watcher.on('error', () => watcher.close());
      return watcher;
    } catch {
      return null;
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
      const first = await readFileText(this.#options.path);
      if (same(first, this.#told)) return;
      const agreed = await this.#agree(first);
      if (this.#closed || same(agreed, this.#told)) return;
      this.#told = agreed;
      await this.#options.onChange(agreed);
    } finally {
      this.#looking = false;
    }
  }

  async #agree(first: FileText): Promise<FileText> {
    for (let before = first; ;) {
      await pause(AGREE_MS, undefined, { ref: false });
      const now = await readFileText(this.#options.path);
      if (this.#closed || same(now, before)) return now;
      before = now;
    }
  }
}

export async function readFileText(path: string): Promise<FileText> {
  try {
    const { size } = await stat(path);
    if (size > MAX_BYTES) return { kind: 'unreadable', why: `has more than ${MAX_BYTES} bytes` };
    return textOf(await readFile(path));
  } catch (error) {
    return whyUnreadable(error);
  }
}

function same(a: FileText, b: FileText): boolean {
  if (a.kind === 'text') return b.kind === 'text' && a.text === b.text;
  return b.kind === 'unreadable' && a.why === b.why;
}
