import { randomBytes } from 'node:crypto';
import type { Keys } from '../cases.ts';
import { SERVER_CORE } from '../machine.ts';
import type { Programs } from '../program.ts';
import { FORWARDS, FORWARDS_NO_WEBSOCKETS, GUARDS, type Server } from './server.ts';

/** Node forwarders, each a file of this folder that prints its port. */
const PROGRAMS = {
  undici: { file: 'undici.ts', cases: FORWARDS_NO_WEBSOCKETS },
  'http-proxy-3': { file: 'http-proxy-3.ts', cases: FORWARDS },
  fastify: { file: 'fastify.ts', cases: GUARDS },
};

export type NodeServer = keyof typeof PROGRAMS;

export async function startNodeServer(
  programs: Programs,
  name: NodeServer,
  upstream: string,
): Promise<Server> {
  const { file, cases } = PROGRAMS[name];
  const keys = randomKeys();
  const command = [process.execPath, `bench/servers/${file}`, upstream];
  const started = programs.start(SERVER_CORE, command, { BENCH_KEYS: JSON.stringify(keys) });
  const port = await programs.said(started, (output) => /^(\d+)\n/.exec(output)?.[1] ?? null);
  return { name, origin: `http://127.0.0.1:${port}`, pid: started.pid, keys, cases };
}

/** Keys of a server that is told them at its start. */
export function randomKeys(): Keys {
  const [good, readOnly, limited] = [0, 0, 0].map(() => randomBytes(24).toString('hex'));
  return { good: good ?? '', readOnly: readOnly ?? '', limited: limited ?? '' };
}
