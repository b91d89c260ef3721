// An MCP server over Streamable HTTP, of the official SDK, that leaves keys to the gate before it.
//
//   PORT=3000 node examples/mcp-server/server.js
import { createServer } from 'node:http';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import * as z from 'zod';

const text = (words) => ({ content: [{ type: 'text', text: words }] });

function tools() {
  const server = new McpServer({ name: 'tools', version: '1.0.0' });
  server.registerTool(
    'add',
    { description: 'Adds two numbers', inputSchema: { a: z.number(), b: z.number() } },
    ({ a, b }) => text(String(a + b)),
  );
  server.registerTool('whoami', { description: 'Says who calls' }, ({ requestInfo: { headers } }) => {
    // The gate has put these on, and has taken off any that the client had sent.
    const servers = headers['x-allowed-mcps'] ?? 'all';
    const key = headers['authorization'] ?? headers['x-api-key'] ?? 'none';
    return text(`${headers['x-owner-id']}, tier ${headers['x-tier']}, servers: ${servers}, key: ${key}`);
  });
  return server;
}

/** Without sessions: each request has a server of its own. */
async function answer(request, response) {
  const transport = new StreamableHTTPServerTransport();
  response.on('close', () => void transport.close());
  await tools().connect(transport);
  await transport.handleRequest(request, response);
}

createServer((request, response) => void answer(request, response)).listen(
  Number(process.env['PORT'] ?? '3000'),
  '127.0.0.1',
);
