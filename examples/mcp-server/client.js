// An MCP client of the official SDK: says which tools there are and calls both.
//
//   KEY=... HEADER=authorization SCHEME=ApiKey node examples/mcp-server/client.js http://127.0.0.1:8080/mcp
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

const { KEY, HEADER = 'authorization', SCHEME = '' } = process.env;
// Clients call themselves what they like: the gate takes it off.
const headers = { [HEADER]: `${SCHEME} ${KEY}`.trim(), 'x-owner-id': 'somebody-else' };
const transport = new StreamableHTTPClientTransport(new URL(process.argv[2]), { requestInit: { headers } });
const client = new Client({ name: 'example', version: '1.0.0' });

try {
  await client.connect(transport);
  const { tools } = await client.listTools();
  const sum = await client.callTool({ name: 'add', arguments: { a: 2, b: 3 } });
  const caller = await client.callTool({ name: 'whoami' });
  const [three, who] = [sum, caller].map(({ content }) => content[0].text);
  process.stdout.write(`${tools.map(({ name }) => name).join(', ')}; 2 + 3 = ${three}; ${who}\n`);
} catch ({ code, message }) {
  process.stdout.write(`refused with ${code}: ${message.slice(message.indexOf('{'))}\n`);
} finally {
  await client.close();
}
