import { parentPort, workerData } from 'node:worker_threads';
import type { FileText } from '../checked-text.ts';
import { parseKeysFile } from './keys-file.ts';

const { read, fileName } = workerData as { read: FileText; fileName: string };
parentPort?.postMessage(parseKeysFile(read, fileName), []);
