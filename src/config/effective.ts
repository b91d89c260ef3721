import { formatLimit, formatStatedLimit, type StatedLimit } from '../core/limit.ts';
import { PROFILES } from '../core/profile.ts';
import type {
  Config,
  ConsoleConfig,
  ForwardAuthConfig,
  KeyServiceConfig,
  ProxyConfig,
  RedisConfig,
  RouteConfig,
  RuleConfig,
  TracingConfig,
} from './config.ts';
import { formatDuration } from './duration.ts';
import { writeAddress } from './redis-url.ts';

const MASK = '[redacted]';

/**
 * The configuration in force as plain JSON in the shape of the YAML, with every default written out and every
 * secret masked. What comes from the environment stands apart, under `environment`.
 */
export function effectiveConfig(config: Config): Record<string, unknown> {
  const { admin, redis, proxy, keyService, log, tracing } = config;
  return {
    admin: { host: admin.host, port: admin.port, ...given('token', admin.token && MASK) },
    ...given('redis', redis && writeRedis(redis)),
    ...given('proxy', proxy && writeProxy(proxy)),
    ...given('forwardAuth', proxy && proxy.forwardAuth && writeForwardAuth(proxy.forwardAuth)),
    ...given('keyService', keyService && writeKeyService(keyService)),
    log: { level: log.level },
    ...given('tracing', tracing && writeTracing(tracing)),
    ...given('environment', proxy && { PLEXMCP_SELF_HOSTED: proxy.plexmcpSelfHosted }),
  };
}

/** The field, or nothing where its value is null. */
function given(name: string, value: unknown): Record<string, unknown> {
  return value === null ? {} : { [name]: value };
}

function writeTracing({ headers, resource, ...tracing }: TracingConfig): unknown {
  return {
    ...tracing,
    headers: Object.fromEntries([...headers.keys()].map((name) => [name, MASK])),
    resource: Object.fromEntries(resource),
  };
}

function writeRedis({ servers, database, username, password, tls, protocol }: RedisConfig): unknown {
  return {
    ...writeServers(servers, tls !== null),
    ...given('username', username),
    ...given('password', password && MASK),
    ...given('database', servers.kind === 'cluster' ? null : database),
    tls: writeTls(tls),
    protocol,
  };
}

function writeTls(tls: RedisConfig['tls']): unknown {
  if (tls === null) return false;
  const files = { ...given('ca', tls.ca), ...given('cert', tls.cert), ...given('key', tls.key) };
  return Object.keys(files).length === 0 || files;
}

function writeServers(servers: RedisConfig['servers'], isTls: boolean): Record<string, unknown> {
  if (servers.kind === 'single') return { url: `${isTls ? 'rediss' : 'redis'}://${writeAddress(servers)}` };
  if (servers.kind === 'cluster') return { cluster: servers.nodes.map(writeAddress) };
  return { sentinels: servers.sentinels.map(writeAddress), name: servers.name };
}

function writeService({ origin, basePath }: NonNullable<ProxyConfig['keys']['service']>): unknown {
  return { url: origin + basePath, token: MASK };
}

function writeProxy(proxy: ProxyConfig): unknown {
  const { keys, timeouts, bounds, metrics, drain } = proxy;
  return {
    host: proxy.host,
    port: proxy.port,
    ...given('tls', proxy.tls),
    ...given('upstreamTls', proxy.upstreamTls),
    trustedProxies: proxy.trustedProxies,
    keys: {
      ...given('service', keys.service && writeService(keys.service)),
      ...given('file', keys.file),
      cacheSize: keys.cacheSize,
      freshFor: formatDuration(keys.freshForMs),
      staleIfError: formatDuration(keys.staleIfErrorMs),
      negativeFor: formatDuration(keys.negativeForMs),
      fence: formatDuration(keys.fenceMs),
      checksum: keys.checksum,
      prefixes: { ...keys.prefixes },
    },
    limits: { mode: proxy.limits.mode, whenRedisIsDown: proxy.limits.whenRedisIsDown },
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
    ...given('identity', proxy.identity && writeIdentity(proxy.identity)),
    bounds: {
      headerBytes: bounds.headerBytes,
      inFlight: bounds.inFlight,
      connectionsPerAddress: bounds.connectionsPerAddress,
      loopDelay: formatDuration(bounds.loopDelayMs),
    },
    metrics: { perKey: metrics.perKey },
    drain: { delay: formatDuration(drain.delayMs), timeout: formatDuration(drain.timeoutMs) },
    routes: proxy.routes.map(writeRoute),
  };
}

function writeForwardAuth({ refusalSecret, ...section }: ForwardAuthConfig): unknown {
  return { ...section, ...given('refusalSecret', refusalSecret && MASK) };
}

function writeIdentity(identity: NonNullable<ProxyConfig['identity']>): unknown {
  const { header, issuer, lifetimeMs, algorithm, keys } = identity;
  return { header, issuer, lifetime: formatDuration(lifetimeMs), algorithm, keys: keys.map(() => MASK) };
}

function writeTiers(tiers: ReadonlyMap<string, readonly StatedLimit[]>): unknown {
  const written = [...tiers].map(([name, limits]) => [
    name,
    limits.length === 0 ? 'unlimited' : limits.map(formatStatedLimit),
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
    upstream: writeUpstream(upstream),
    credential: writeCredential(route.credential),
    ...given('audience', route.audience),
  };
}

function writeUpstream(upstream: RouteConfig['upstream']): unknown {
  if (upstream.kind !== 'http') return upstream.kind;
  const [first, ...others] = upstream.origins.map((origin) => origin + upstream.basePath);
  return others.length === 0 ? first : [first, ...others];
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

function writeConsole({ origin, idleMs, longestMs, trustedProxies }: ConsoleConfig): unknown {
  return {
    ...given('origin', origin),
    idle: formatDuration(idleMs),
    longest: formatDuration(longestMs),
    trustedProxies,
  };
}

function writeKeyService({
  host,
  port,
  store,
  serviceTokens,
  adminTokens,
  peppers,
  console: page,
}: KeyServiceConfig): unknown {
  return {
    host,
    port,
    store: store.kind === 'sqlite' ? `sqlite:${store.path}` : store.shown,
    ...given('serviceToken', serviceTokens && serviceTokens.map(() => MASK)),
    ...given('adminToken', adminTokens && adminTokens.map(() => MASK)),
    console: page === null ? 'off' : writeConsole(page),
    ...given(
      'peppers',
      peppers && {
        current: peppers.current,
        ...Object.fromEntries([...peppers.secrets.keys()].map((name) => [name, MASK])),
      },
    ),
  };
}
