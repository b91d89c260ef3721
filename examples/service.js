// A service behind a gate: it answers with what it was told of the caller. Node and no package.
//
//   NAME=shop PORT=3000 node examples/service.js
import { createServer } from 'node:http';

const { NAME = 'service', PORT = '3000' } = process.env;
/** Where clients send keys. */
const PLACES = ['authorization', 'x-api-key'];

const server = createServer((request, response) => {
  const { method, url, headers } = request;
  const owner = headers['x-owner-id'] ?? 'nobody';
  const workspace = headers['x-workspace-id'] === undefined ? '' : ` in ${headers['x-workspace-id']}`;
  const permission = headers['x-permission-level'] ?? 'no permission';
  const seen = PLACES.filter((name) => name in headers).map((name) => `${name}: ${headers[name]}`);
  let bytes = 0;
  request.on('data', (chunk) => (bytes += chunk.length));
  request.on('end', () => {
    const body = bytes === 0 ? '' : `, ${bytes} bytes`;
    const key = seen.length === 0 ? 'sees no key' : `sees ${seen.join(', ')}`;
    response.writeHead(200, { 'Content-Type': 'text/plain' });
    response.end(`${NAME}: ${method} ${url}${body}, from ${owner}${workspace} (${permission}), ${key}\n`);
  });
});
server.listen(Number(PORT), '127.0.0.1');
