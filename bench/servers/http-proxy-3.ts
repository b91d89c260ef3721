import { Agent, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ProxyServer } from 'http-proxy-3';

/** Forwards with http-proxy-3 and does nothing else. */
const [upstream = ''] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true, maxSockets: 512, maxFreeSockets: 512, scheduling: 'lifo' });
const proxy = new ProxyServer({ target: upstream, agent, toProxy: true });
proxy.on('error', () => undefined);
const server = createServer((request, response) => {
  proxy.web(request, response);
});
server.on('upgrade', (request, socket, head) => {
  socket.on('error', () => socket.destroy());
  proxy.ws(request, socket, head);
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});
