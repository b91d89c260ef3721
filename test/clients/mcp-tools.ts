import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import * as z from 'zod';

/** What the tools of all sessions do, for tests to follow and to drive. */
export interface ToolRuns {
  /** One for each `count` under way: lets it take its next step. */
  readonly paces: Pace[];
  /** How many runs of `wait` were cancelled. */
  cancelled: number;
}

/** Steps that one side takes as the other allows them. */
export class Pace {
  #allowed = 0;
  #waiting: (() => void) | null = null;

  step(): void {
    this.#allowed += 1;
    this.#waiting?.();
  }

  async taken(): Promise<void> {
    if (this.#allowed === 0) {
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
    }
    this.#allowed -= 1;
  }
}

/** `add`, `count` (progress at the test's pace) and `wait` (until cancelled). */
export function toolServer(runs: ToolRuns): McpServer {
  const server = new McpServer({ name: 'tools', version: '1.0.0' });
  server.registerTool(
    'add',
    { description: 'Adds two numbers', inputSchema: { a: z.number(), b: z.number() } },
    ({ a, b }) => text(String(a + b)),
  );
  server.registerTool(
    'count',
    { description: 'Counts, telling how far it is', inputSchema: { to: z.number() } },
    async ({ to }, { _meta, sendNotification }) => {
      const pace = new Pace();
      runs.paces.push(pace);
      for (let progress = 1; progress <= to; progress++) {
        await pace.taken();
        const params = { progressToken: _meta?.progressToken ?? '', progress, total: to };
        await sendNotification({ method: 'notifications/progress', params });
      }
      await pace.taken();
      return text('counted');
    },
  );
  server.registerTool('wait', { description: 'Waits until it is cancelled' }, async ({ signal }) => {
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    runs.cancelled += 1;
    return text('cancelled');
  });
  return server;
}

function text(content: string) {
  return { content: [{ type: 'text' as const, text: content }] };
}
