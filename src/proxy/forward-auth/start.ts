import type { ProxyConfig } from '../../config/config.ts';
import { closeServer, listen } from '../../runtime/listen.ts';
import type { Metrics } from '../../runtime/metrics.ts';
import { TrustedProxies } from '../address.ts';
import { bindConnections } from '../connection-bound.ts';
import { createInboundServer } from '../inbound/server.ts';
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
  const { timeouts, bounds } = config;
  const { headerBytes } = bounds;
  const door = new AskingDoor(parts);
  const server = createInboundServer({ bounds: { headerBytes, timeouts }, tls: null }, door);
  const connections = bindConnections(server, config, new TrustedProxies(trustedProxies), metrics);
  return {
    port: await listen(server, host, port),
    adopt({ config: { bounds, timeouts }, forwardAuth }) {
      if (forwardAuth !== null) connections.adopt(bounds.connectionsPerAddress, forwardAuth.trusted);
      server.adopt(timeouts);
    },
    stop: (graceMs) => closeServer(server, graceMs),
  };
}
