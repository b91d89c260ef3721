import { Worker } from 'node:worker_threads';
import type { FileText } from '../checked-text.ts';
import type { ReadKeysFile } from './keys-file.ts';

/** The thread's file has the extension that this one has: before the build and after it. */
const THREAD = new URL(import.meta.url.replace(/aside(\.\w+)$/, 'aside-thread$1'));

/**
 * `parseKeysFile` in a thread of its own: a file of thousands of keys takes a second, in which no request would be
 * answered. Rejects where the thread itself fails.
 */
export function parseKeysFileAside(read: FileText, fileName: string): Promise<ReadKeysFile> {
  return new Promise((resolve, reject) => {
    const thread = new Worker(THREAD, { workerData: { read, fileName } });
    thread.unref();
    thread.once('message', resolve);
    thread.once('error', reject);
    thread.once('exit', () =>
      reject(new Error('the thread that reads the keys file ended without an answer')),
    );
  });
}
