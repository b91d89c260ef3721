import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { Pool } from 'undici';

/** What this program is told on standard input; it is a process of its own, so that it has a core of its own. */
export interface LoadOrder {
  readonly url: string;
  readonly keys: readonly string[];
  readonly connections: number;
  readonly forMs: number;
  /** Every so many requests carry a body; 0 for none. */
  readonly bodyEvery: number;
  readonly bodyBytes: number;
}

/** What it says on standard output. */
export interface LoadReport {
  readonly answers: Readonly<Record<string, number>>;
  readonly failures: Readonly<Record<string, number>>;
}

if (import.meta.main) {
  const order = JSON.parse(await text(process.stdin)) as LoadOrder;
  process.stdout.write(JSON.stringify(await load(order)));
}

/** As many requests as the other side answers, on each connection one after the other. */
async function load({ url, keys, connections, forMs, bodyEvery, bodyBytes }: LoadOrder): Promise<LoadReport> {
  const pool = new Pool(url, { connections, pipelining: 1 });
  const body = Buffer.alloc(bodyBytes, 'b');
  const answers: Record<string, number> = {};
  const failures: Record<string, number> = {};
  const until = performance.now() + forMs;
  let turn = 0;
  const client = async (): Promise<void> => {
    while (performance.now() < until) {
      turn++;
      const headers = { 'x-api-key': keys[turn % keys.length] ?? '' };
      const posts = bodyEvery > 0 && turn % bodyEvery === 0;
      const sent = posts ? { method: 'POST' as const, body } : { method: 'GET' as const };
      try {
        const answer = await pool.request({ path: `/${turn}`, headers, ...sent });
        await answer.body.dump();
        answers[answer.statusCode] = (answers[answer.statusCode] ?? 0) + 1;
      } catch (error) {
        const { code = 'unknown' } = error as NodeJS.ErrnoException;
        failures[code] = (failures[code] ?? 0) + 1;
        // What is not there is not asked without end.
        await pause(5);
      }
    }
  };
  await Promise.all(Array.from({ length: connections }, client));
  await pool.destroy();
  return { answers, failures };
}
