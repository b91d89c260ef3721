import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { machineNow } from './machine-clock.ts';

const BODY = 'ok\n';

/** The service behind the gates. It remembers when each request reached it, as a second witness beside the logs. */
export interface Upstream {
  readonly origin: string;
  readonly seen: ReadonlyMap<string, number>;
  close(): void;
}

export async function startUpstream(): Promise<Upstream> {
  const seen = new Map<string, number>();
  const server = createServer((request, response) => {
    seen.set(String(request.headers['x-request-id']), machineNow());
    response.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': BODY.length }).end(BODY);
  });
  // A gate's idle connections outlive the pauses between requests of a seldom used limit.
  server.keepAliveTimeout = 600_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
