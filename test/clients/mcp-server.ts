import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { json } from 'node:stream/consumers';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { isInitializeRequest } from '@modelcontextprotocol/sdk/types.js';
import { closeServer, listen } from '../../src/runtime/listen.ts';
import { KeptEvents } from './mcp-events.ts';
import { toolServer, type ToolRuns } from './mcp-tools.ts';

export interface McpArrival {
  readonly method: string;
  readonly headers: IncomingMessage['headers'];
  /** The JSON-RPC method. */
  readonly calls: string | null;
  /** Whether the other side closed the connection before the answer was whole. */
  left: boolean;
}

/** An MCP server of the official SDK over Streamable HTTP, with sessions and streams that can be resumed. */
export interface McpUpstream {
  readonly origin: string;
  readonly arrivals: readonly McpArrival[];
  readonly sessions: ReadonlyMap<string, McpServer>;
  readonly runs: ToolRuns;
  /** Resets the connection of every answer under way. */
  cut(): void;
  stop(): Promise<void>;
}

/** The revision without sessions, which the SDK does not speak yet: what it demands of a server is done here. */
const SESSIONLESS_VERSION = '2026-07-28';
const SPOKEN_VERSION = '2025-11-25';
/** What the server tells clients to wait before they resume a broken stream. */
const RETRY_MS = 50;

export async function startMcpServer(): Promise<McpUpstream> {
  const runs: ToolRuns = { paces: [], cancelled: 0 };
  const sessions = new Sessions(runs);
  const arrivals: McpArrival[] = [];
  const underWay = new Set<ServerResponse>();

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = request.method === 'POST' ? ((await json(request)) as { method?: string }) : undefined;
    const { method = '', headers } = request;
    const arrival: McpArrival = { method, headers, calls: body?.method ?? null, left: false };
    arrivals.push(arrival);
    underWay.add(response);
    response.on('close', () => {
      arrival.left = !response.writableFinished;
      underWay.delete(response);
    });
    if (headers['mcp-protocol-version'] === SESSIONLESS_VERSION) {
      await answerWithoutSession(runs, request, response, body);
      return;
    }
    const transport = await sessions.transportFor(headers['mcp-session-id'], body);
    if (transport === null) refuse(response, 404, 'Session not found');
    else await transport.handleRequest(request, response, body);
  }

  const http = createServer((request, response) => void handle(request, response));
  const port = await listen(http, '127.0.0.1', 0);
  return {
    origin: `http://127.0.0.1:${port}`,
    arrivals,
    sessions: sessions.servers,
    runs,
    cut: () => {
      for (const response of underWay) response.socket?.resetAndDestroy();
    },
    stop: async () => {
      await sessions.close();
      await closeServer(http, 0);
    },
  };
}

/** The sessions that clients have opened and not ended. */
class Sessions {
  readonly servers = new Map<string, McpServer>();
  readonly #transports = new Map<string, StreamableHTTPServerTransport>();
  readonly #runs: ToolRuns;

  constructor(runs: ToolRuns) {
    this.#runs = runs;
  }

  /** Of the session with this id, or of a new one where the message asks for it; null where there is neither. */
  async transportFor(id: string | string[] | undefined, body: unknown) {
    if (id === undefined && isInitializeRequest(body)) return this.#open();
    return this.#transports.get(String(id)) ?? null;
  }

  async close(): Promise<void> {
    for (const transport of this.#transports.values()) await transport.close();
  }

  async #open(): Promise<StreamableHTTPServerTransport> {
    const server = toolServer(this.#runs);
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      eventStore: new KeptEvents(),
      retryInterval: RETRY_MS,
      onsessioninitialized: (id) => {
        this.servers.set(id, server);
        this.#transports.set(id, transport);
      },
      onsessionclosed: (id) => {
        this.servers.delete(id);
        this.#transports.delete(id);
      },
    });
    await server.connect(transport);
    return transport;
  }
}

/** Each request stands for itself, and the headers a gate may have judged by MUST say what the body says. */
async function answerWithoutSession(
  runs: ToolRuns,
  request: IncomingMessage,
  response: ServerResponse,
  body: { method?: string } | undefined,
): Promise<void> {
  if (request.headers['mcp-method'] !== body?.method) {
    refuse(response, 400, 'Mcp-Method does not match the body');
    return;
  }
  const { rawHeaders } = request;
  rawHeaders[rawHeaders.indexOf(SESSIONLESS_VERSION)] = SPOKEN_VERSION;
  const transport = new StreamableHTTPServerTransport();
  await toolServer(runs).connect(transport);
  await transport.handleRequest(request, response, body);
}

function refuse(response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify({ jsonrpc: '2.0', error: { code: -32_000, message }, id: null }));
}
