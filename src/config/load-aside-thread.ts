import { parentPort, workerData } from 'node:worker_threads';
import { withoutSecrets } from './crossing.ts';
import { loadHere, type ToLoad } from './load-aside.ts';

parentPort?.postMessage(withoutSecrets(loadHere(workerData as ToLoad)), []);
