import { parseKeysFileAside } from '../../config/keys-file/aside.ts';
import { parseKeysFile } from '../../config/keys-file/keys-file.ts';
import { formatMistake, type Mistake } from '../../config/mistake.ts';
import type { FileText } from '../../config/checked-text.ts';
import type { Clock } from '../../core/clock.ts';
import { FileWatch, readFiles, type Reading } from '../../runtime/file-watch.ts';
import type { Log } from '../../runtime/log.ts';
import type { Metrics } from '../../runtime/metrics.ts';
import { FileKeySource } from './file-source.ts';

export interface KeysFileOptions {
  readonly path: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

export interface OpenKeysFile {
  readonly source: FileKeySource;
  /** Reads another file, which is followed in this one's place from the call of the answer on. Rejects with its mistakes. */
  prepare(path: string): Promise<() => void>;
  /** The file is followed no more. */
  close(): void;
}

/** A file may be wrong in every line; this many mistakes are enough to see what is wrong. */
const LOGGED_MISTAKES = 20;

/**
 * The keys of the file, which is followed from now on. Rejects with its mistakes where it cannot be used; later such a
 * file is refused, which the log and the metrics say, and what was in force stays.
 */
export async function openKeysFile(options: KeysFileOptions): Promise<OpenKeysFile> {
  const { path, clock, metrics } = options;
  const first = await readFiles([path]);
  const source = new FileKeySource(usable(parseKeysFile(textIn(first, path), path)), clock);
  const follow = (file: string, reading: Reading) =>
    new FileWatch({
      first: reading,
      onChange: (now) =>
        reload(textIn(now, file), { ...options, path: file, source, isFollowed: () => file === followed }),
    });
  inForce(metrics, clock);
  let followed = path;
  let watch = follow(path, first);
  return {
    source,
    async prepare(other) {
      if (other === followed) return () => undefined;
      const reading = await readFiles([other]);
      const keys = usable(await parseKeysFileAside(textIn(reading, other), other));
      return () => {
        watch.close();
        followed = other;
        watch = follow(other, reading);
        source.replace(keys);
        inForce(metrics, clock);
      };
    },
    close: () => watch.close(),
  };
}

function textIn(reading: Reading, path: string): FileText {
  return reading.get(path) ?? { kind: 'unreadable', why: 'was not read' };
}

function usable(read: ReturnType<typeof parseKeysFile>) {
  if (read.kind === 'keys') return read.keys;
  throw new Error(`the keys file cannot be used\n${read.mistakes.map(formatMistake).join('\n')}`);
}

interface Reloading extends KeysFileOptions {
  readonly source: FileKeySource;
  /** False once another file has taken this one's place. */
  readonly isFollowed: () => boolean;
}

async function reload(text: FileText, options: Reloading): Promise<void> {
  const { path, source, clock, log, metrics } = options;
  try {
    const read = await parseKeysFileAside(text, path);
    if (!options.isFollowed()) return;
    if (read.kind === 'mistakes') return refuse(read.mistakes, options);
    const changes = source.replace(read.keys);
    inForce(metrics, clock);
    log.info({ file: path, detail: `${read.keys.size} keys, ${changes} changed` }, 'keys file read anew');
  } catch (error) {
    metrics.keysFileSuccessful.set(0);
    const detail = error instanceof Error ? error.message : 'unknown error';
    log.error({ file: path, detail }, 'keys file not read; the keys before stay in force');
  }
}

function refuse(mistakes: readonly Mistake[], { path, log, metrics }: KeysFileOptions): void {
  metrics.keysFileSuccessful.set(0);
  for (const mistake of mistakes.slice(0, LOGGED_MISTAKES)) {
    log.error({ file: path, detail: formatMistake(mistake) }, 'mistake in the keys file');
  }
  const detail = `${mistakes.length} ${mistakes.length === 1 ? 'mistake' : 'mistakes'}`;
  log.error({ file: path, detail }, 'keys file refused; the keys before stay in force');
}

function inForce(metrics: Metrics, clock: Clock): void {
  metrics.keysFileSuccessful.set(1);
  metrics.keysFileSuccessAt.set(clock.now() / 1000);
}
