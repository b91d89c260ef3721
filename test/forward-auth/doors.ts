import { newSharedSecret } from '../support/identity-keys.ts';
import { startStage, type Stage } from '../support/stage.ts';
import { startFrontProxy, type ProxyName } from './front-proxy.ts';

/** The ways a client's request can take: through the gate itself, or a proxy that asks it. */
export const DOORS = ['the gate itself', 'nginx', 'caddy', 'haproxy'] as const;
export type DoorName = (typeof DOORS)[number];

/** A gate, a recording service, and what clients connect to. */
export interface Door {
  readonly stage: Stage;
  readonly port: number;
  stop(): Promise<void>;
}

const SECTIONS: Readonly<Record<ProxyName, string>> = {
  nginx: '{ headers: x-original, denyAs: 403 }',
  caddy: '{ headers: x-forwarded }',
  haproxy: '{ headers: x-original }',
};

/** One configuration for all of them, but for how the proxy asks. */
const CONFIG = `
proxy:
  trustedProxies: [127.0.0.1]
  identity: { algorithm: HS256, keys: ['{secret}'] }
  failedAuthentication: off
  tiers:
    plexe: { basic: [3/minute], pro: [500/minute], enterprise: unlimited }
  routes:
    - match: { path: / }
      audience: orders
      rules:
        - { path: /health, auth: none }
        - { path: /search, methods: [POST], access: read }
      upstream: '{upstream}'
    - { match: { path: /plexe }, profile: plexe, upstream: '{upstream}' }
    - { match: { path: /plextera }, profile: plextera, upstream: '{upstream}' }
    - { match: { host: mcp.test }, profile: plexmcp, upstream: '{upstream}' }
    - { match: { host: other.test, path: / }, workspace: W1, upstream: '{upstream}' }
    - match: { path: /own }
      upstream: '{upstream}'
      credential: { header: Authorization, scheme: Bearer, value: what-the-service-wants }
    - { match: { path: /kept }, upstream: '{upstream}', credential: keep }
keyService: { store: 'sqlite::memory:' }
`;

const SECRET = newSharedSecret();

export async function openDoor(name: DoorName, fixtures: string): Promise<Door> {
  const proxyName = name === 'the gate itself' ? null : name;
  const section = proxyName === null ? '' : `forwardAuth: ${SECTIONS[proxyName]}\n`;
  const stage = await startStage({ config: section + CONFIG.replace('{secret}', SECRET), fixtures });
  if (proxyName === null) return { stage, port: stage.gate.port, stop: () => stage.stop() };
  const proxy = await startFrontProxy(proxyName, {
    gatePort: stage.gate.forwardAuthPort,
    servicePort: stage.upstream.port,
  });
  return {
    stage,
    port: proxy.port,
    async stop() {
      await proxy.stop();
      await stage.stop();
    },
  };
}
