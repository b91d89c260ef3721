import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import {
  StreamableHTTPClientTransport,
  StreamableHTTPError,
} from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { JSONRPCErrorResponseSchema } from '@modelcontextprotocol/sdk/types.js';
import { startGate, type TestGate } from '../support/gate.ts';
import { Fixtures } from '../support/wire-fixtures.ts';
import { startMcpServer, type McpUpstream } from './mcp-server.ts';

/** The SDK's client, gate and the SDK's server; clients opened here are closed with the stage. */
export interface McpStage {
  readonly gate: TestGate;
  readonly upstream: McpUpstream;
  readonly fixtures: Fixtures;
  readonly url: URL;
  /** Connects with these headers, in which `{MT}` stands for that key; rejects as the SDK does. */
  connect(headers: Record<string, string>, sessionId?: string): Promise<McpConnection>;
  stop(): Promise<void>;
}

export interface McpConnection {
  readonly client: Client;
  readonly transport: StreamableHTTPClientTransport;
}

export async function startMcpStage(config: string, keys: string): Promise<McpStage> {
  const upstream = await startMcpServer();
  const gate = await startGate({ config: config.replaceAll('{upstream}', upstream.origin) });
  const fixtures = new Fixtures(gate);
  await fixtures.prepare(keys);
  const url = new URL(`http://127.0.0.1:${gate.port}/mcp`);
  const opened: Client[] = [];
  return {
    gate,
    upstream,
    fixtures,
    url,
    connect: async (headers, sessionId) => {
      const filled = Object.entries(headers).map(([name, value]): [string, string] => [
        name,
        fixtures.fill(value),
      ]);
      const transport = new StreamableHTTPClientTransport(url, {
        requestInit: { headers: Object.fromEntries(filled) },
        ...(sessionId === undefined ? {} : { sessionId }),
      });
      const client = new Client({ name: 'tests', version: '1.0.0' });
      opened.push(client);
      await client.connect(transport);
      return { client, transport };
    },
    stop: async () => {
      for (const client of opened) await client.close();
      await gate.stop();
      await upstream.stop();
    },
  };
}

/** The refusal in the SDK's error: status, and the JSON-RPC error that its schema reads from the body. */
export async function refusalOf(asked: Promise<unknown>): Promise<{ status: number; code: string }> {
  const error = await asked.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof StreamableHTTPError)) throw new Error('the SDK saw no refusal', { cause: error });
  const body = error.message.slice(error.message.indexOf('{'));
  const { data } = JSONRPCErrorResponseSchema.parse(JSON.parse(body)).error;
  return { status: error.code ?? 0, code: (data as { code: string }).code };
}
