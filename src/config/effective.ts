import { formatLimit, type Limit } from '../core/limit.ts';
import { PROFILES } from '../core/profile.ts';
import type { Config, KeyServiceConfig, ProxyConfig, RouteConfig, RuleConfig } from './config.ts';
import { formatDuration } from './duration.ts';

const MASK = '[redacted]';

/**
 * The configuration in force as plain JSON in the shape of the YAML, with every default written out and every
 * secret masked. What comes from the environment stands apart, under `environment`.
 */
export function effectiveConfig({ admin, proxy, keyService, log }: Config): Record<string, unknown> {
  return {
    admin: { host: admin.host, port: admin.port, ...given('token', admin.token && MASK) },
    ...given('proxy', proxy && writeProxy(proxy)),
    ...given('keyService', keyService && writeKeyService(keyService)),
    log: { level: log.level },
    ...given('environment', proxy && { PLEXMCP_SELF_HOSTED: proxy.plexmcpSelfHosted }),
  };
}

/** The field, or nothing where its value is null. */
function given(name: string, value: unknown): Record<string, unknown> {
  return value === null ? {} : { [name]: value };
}

function writeProxy(proxy: ProxyConfig): unknown {
  const { keys, timeouts, drain } = proxy;
  return {
    host: proxy.host,
    port: proxy.port,
    trustedProxies: proxy.trustedProxies,
    keys: {
      ...given('file', keys.file),
      cacheSize: keys.cacheSize,
      freshFor: formatDuration(keys.freshForMs),
      negativeFor: formatDuration(keys.negativeForMs),
      checksum: keys.checksum,
      prefixes: { ...keys.prefixes },
    },
    limits: { mode: proxy.limits.mode },
    failedAuthentication:
      proxy.failedAuthentication === null ? 'off' : formatLimit(proxy.failedAuthentication),
    tiers: Object.fromEntries(PROFILES.map((profile) => [profile, writeTiers(proxy.tiers[profile])])),
    timeouts: {
      header: formatDuration(timeouts.headerMs),
      bodyIdle: formatDuration(timeouts.bodyIdleMs),
      connect: formatDuration(timeouts.connectMs),
      firstByte: formatDuration(timeouts.firstByteMs),
      idle: formatDuration(timeouts.idleMs),
    },
    drain: { delay: formatDuration(drain.delayMs), timeout: formatDuration(drain.timeoutMs) },
    routes: proxy.routes.map(writeRoute),
  };
}

function writeTiers(tiers: ReadonlyMap<string, readonly Limit[]>): unknown {
  const written = [...tiers].map(([name, limits]) => [
    name,
    limits.length === 0 ? 'unlimited' : limits.map(formatLimit),
  ]);
  return Object.fromEntries(written);
}

function writeRoute(route: RouteConfig): unknown {
  const { upstream } = route;
  return {
    match: { ...given('host', route.host), path: route.path },
    stripPath: route.stripPath,
    profile: route.profile,
    accept: route.accept,
    schemeCase: route.schemeCase,
    auth: route.auth,
    access: route.access,
    rules: route.rules.map(writeRule),
    ...given('workspace', route.workspace),
    upstream: upstream.kind === 'http' ? upstream.origin + upstream.basePath : upstream.kind,
    credential: writeCredential(route.credential),
  };
}

function writeRule(rule: RuleConfig): unknown {
  return {
    path: rule.path,
    ...given('methods', rule.methods),
    ...given('auth', rule.auth),
    ...given('access', rule.access),
    ...given('accept', rule.accept),
  };
}

function writeCredential(credential: RouteConfig['credential']): unknown {
  if (credential.kind !== 'rewrite') return credential.kind;
  const { header, scheme, value } = credential;
  return { header, ...given('scheme', scheme), ...given('value', value && MASK) };
}

function writeKeyService({
  host,
  port,
  store,
  serviceTokens,
  adminTokens,
  peppers,
}: KeyServiceConfig): unknown {
  return {
    host,
    port,
    store: store.kind === 'sqlite' ? `sqlite:${store.path}` : MASK,
    ...given('serviceToken', serviceTokens && serviceTokens.map(() => MASK)),
    ...given('adminToken', adminTokens && adminTokens.map(() => MASK)),
    ...given(
      'peppers',
      peppers && {
        current: peppers.current,
        ...Object.fromEntries([...peppers.secrets.keys()].map((name) => [name, MASK])),
      },
    ),
  };
}
