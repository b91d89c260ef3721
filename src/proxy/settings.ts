import type { ProxyConfig, RouteConfig } from '../config/config.ts';
import { Assertions } from '../core/assertion.ts';
import type { Secret } from '../core/secret.ts';
import { TrustedProxies } from './address.ts';
import { forwardAuthSettings, type ForwardAuthSettings } from './forward-auth/settings.ts';
import type { Gate } from './pipeline.ts';
import { Routes, type RouteUpstream } from './routes.ts';

/** What a changed configuration replaces as a whole. A request keeps the settings that it began with to its end. */
export interface Settings {
  readonly config: ProxyConfig;
  readonly gate: Gate;
  readonly trustedProxies: TrustedProxies;
  /** Null: nothing is signed. */
  readonly assertions: Assertions | null;
  /** Of every upstream. */
  readonly origins: ReadonlySet<string>;
  /** What holds at the second door; null: there is none. */
  readonly forwardAuth: ForwardAuthSettings | null;
}

/** Upstreams that the file calls by a name: where they listen. */
export interface NamedUpstreams {
  /** Where the `key-service` upstream listens, and the token that opens it. */
  readonly keyService: {
    readonly origin: string;
    readonly basePath: string;
    readonly token: Secret;
  } | null;
  /** Where the `echo` upstream listens. */
  readonly echoOrigin: string | null;
}

/** The parts of the gate that outlive a change of the configuration. */
export type LastingParts = Omit<Gate, 'routes' | 'checkedPrefixes'>;

/** Throws where a route leads to an upstream that this process has not. */
export function settingsOf(config: ProxyConfig, named: NamedUpstreams, lasting: LastingParts): Settings {
  const origins = new Set<string>();
  const routes = new Routes(config.routes, (route) => {
    const upstream = upstreamOf(route, named);
    for (const origin of upstream.origins) origins.add(origin);
    return upstream;
  });
  const { checksum, prefixes } = config.keys;
  return {
    config,
    gate: { ...lasting, routes, checkedPrefixes: checksum === 'require' ? Object.values(prefixes) : [] },
    trustedProxies: new TrustedProxies(config.trustedProxies),
    assertions: config.identity === null ? null : new Assertions(config.identity),
    origins,
    forwardAuth:
      config.forwardAuth === null
        ? null
        : forwardAuthSettings(config.forwardAuth, named.keyService?.token ?? null),
  };
}

function upstreamOf(
  { upstream, credential }: RouteConfig,
  { echoOrigin, keyService }: NamedUpstreams,
): RouteUpstream {
  if (upstream.kind === 'http') {
    return { origins: upstream.origins, basePath: upstream.basePath, credential, isManagement: false };
  }
  if (upstream.kind === 'echo') {
    if (echoOrigin === null) throw new Error('the echo upstream does not run');
    return { origins: [echoOrigin], basePath: '', credential, isManagement: false };
  }
  if (keyService === null) throw new Error('the key service does not run');
  const { origin, basePath, token } = keyService;
  return {
    origins: [origin],
    basePath,
    credential: { kind: 'rewrite', header: 'Authorization', scheme: 'Bearer', value: token },
    isManagement: true,
  };
}
