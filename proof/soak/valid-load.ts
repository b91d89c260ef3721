import { Agent, get } from 'node:http';

/** A request that should have been served. */
export interface Served {
  readonly at: number;
  readonly ms: number;
  /** 0 where there was no answer. */
  readonly status: number;
}

const EACH_MS = 10;

/** A hundred valid requests a second over a few connections, each on its time, whatever became of those before. */
export function startValidLoad(port: number, key: string): { readonly served: Served[]; stop(): void } {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  const served: Served[] = [];
  const one = (): void => {
    const at = performance.now();
    const tell = (status: number): void => void served.push({ at, ms: performance.now() - at, status });
    get({ port, host: '127.0.0.1', agent, headers: { 'x-api-key': key } }, (answer) => {
      answer.once('end', () => tell(answer.statusCode ?? 0)).resume();
    }).once('error', () => tell(0));
  };
  const asking = setInterval(one, EACH_MS);
  return {
    served,
    stop() {
      clearInterval(asking);
      agent.destroy();
    },
  };
}
