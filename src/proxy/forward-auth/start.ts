import { createServer, type Server } from 'node:http';
import type { ProxyConfig } from '../../config/config.ts';
import { closeServer, listen } from '../../runtime/listen.ts';
import type { Metrics } from '../../runtime/metrics.ts';
import { TrustedProxies } from '../address.ts';
import { bindConnections } from '../connection-bound.ts';
import { MAX_HEADER_LINES } from '../server.ts';
import type { Settings } from '../settings.ts';
import { AskingDoor, type AskingParts } from './door.ts';

export interface RunningForwardAuth {
  readonly port: number;
  /** Tells the server what is in force from now on. */
  adopt(settings: Settings): void;
  /** Waits for what is in flight, at most `graceMs`. */
  stop(graceMs: number): Promise<void>;
}

/** Opens the second door; null where the configuration has none. */
export async function startForwardAuth(
  config: ProxyConfig,
  parts: AskingParts,
  metrics: Metrics,
): Promise<RunningForwardAuth | null> {
  if (config.forwardAuth === null) return null;
  const { host, port, trustedProxies } = config.forwardAuth;
  const server = createForwardAuthServer(parts, config);
  const connections = bindConnections(server, config, new TrustedProxies(trustedProxies), metrics);
  return {
    port: await listen(server, host, port),
    adopt({ config: { bounds, timeouts }, forwardAuth }) {
      if (forwardAuth !== null) connections.adopt(bounds.connectionsPerAddress, forwardAuth.trusted);
      server.headersTimeout = timeouts.headerMs;
      server.keepAliveTimeout = timeouts.idleMs;
    },
    stop: (graceMs) => closeServer(server, graceMs),
  };
}

function createForwardAuthServer(parts: AskingParts, { timeouts, bounds }: ProxyConfig): Server {
  const door = new AskingDoor(parts);
  const server = createServer({
    maxHeaderSize: bounds.headerBytes,
    headersTimeout: timeouts.headerMs,
    requestTimeout: 0,
    keepAliveTimeout: timeouts.idleMs,
    connectionsCheckingInterval: Math.min(1000, timeouts.headerMs),
    // Some proxies pass the client's own Upgrade on with their question. It is one like any other.
    shouldUpgradeCallback: () => false,
    // Of the question's own Host nothing depends but with Envoy, where the pipeline asks for it.
    requireHostHeader: false,
    optimizeEmptyRequests: true,
  });
  server.maxHeadersCount = MAX_HEADER_LINES;
  const serve = door.serve.bind(door);
  // Nobody waits for a body, so nobody is told to send one.
  for (const event of ['request', 'checkContinue', 'checkExpectation'] as const) {
    server.on(event, (request, response) => void serve(request, response));
  }
  server.on('connect', (_, socket) => socket.destroy());
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => door.lines.refuse(error, socket));
  return server;
}
