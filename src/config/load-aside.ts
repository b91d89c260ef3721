import { Worker } from 'node:worker_threads';
import type { FileText } from './checked-text.ts';
import { withSecrets } from './crossing.ts';
import type { Sources } from './interpolate.ts';
import { loadConfig, type Loaded } from './load.ts';

/** The thread's file has the extension that this one has: before the build and after it. */
const THREAD = new URL(import.meta.url.replace(/load-aside(\.\w+)$/, 'load-aside-thread$1'));

/** What the thread is given. */
export interface ToLoad {
  readonly path: string;
  readonly env: Sources['env'];
  /** The file and those that it names, as they were read. */
  readonly read: ReadonlyMap<string, FileText>;
}

export interface LoadedRead {
  readonly loaded: Loaded;
  /** Files that it names and that were not read; where there are some, `loaded` says little. */
  readonly unread: readonly string[];
}

/** Some hundred routes: what is read in less time than a thread takes to start. */
const HERE_UP_TO_CHARACTERS = 32_768;

/** The configuration in files already read. A large one is read aside. Rejects where the thread itself fails. */
export function loadFromRead(toLoad: ToLoad): Promise<LoadedRead> {
  const text = toLoad.read.get(toLoad.path);
  const isLarge = text?.kind === 'text' && text.text.length > HERE_UP_TO_CHARACTERS;
  return isLarge ? loadAside(toLoad) : Promise.resolve(loadHere(toLoad));
}

export function loadHere({ path, env, read }: ToLoad): LoadedRead {
  const unread: string[] = [];
  const loaded = loadConfig(path, env, (name) => {
    const text = read.get(name);
    if (text !== undefined) return text;
    unread.push(name);
    return { kind: 'unreadable', why: 'was not read' };
  });
  return { loaded, unread };
}

/**
 * The same in a thread of its own: a file of a thousand routes takes a good part of a second, in which no request would
 * be answered.
 */
export function loadAside(toLoad: ToLoad): Promise<LoadedRead> {
  return new Promise((resolve, reject) => {
    const thread = new Worker(THREAD, { workerData: { ...toLoad, env: { ...toLoad.env } } });
    thread.unref();
    thread.once('message', (answer) => resolve(withSecrets(answer) as LoadedRead));
    thread.once('error', reject);
    thread.once('exit', () =>
      reject(new Error('the thread that reads the configuration ended without an answer')),
    );
  });
}
