import { ACCEPTED_SCHEMES, MCP_ENDPOINT_SCHEMES } from '../core/profile.ts';
import type { StatedLimit } from '../core/limit.ts';
import type {
  Config,
  ConsoleConfig,
  ForwardAuthConfig,
  KeyServiceConfig,
  ProxyConfig,
  RedisConfig,
  RouteConfig,
  RuleConfig,
  Tiers,
  TracingConfig,
} from './config.ts';
import { consoleDefaults } from './console-schema.ts';
import { isLoopback } from './listen-address.ts';
import type { ParsedRedis } from './redis-schema.ts';
import type { ParsedFile, ParsedRoute } from './schema.ts';
import type { ParsedTracing } from './tracing-schema.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** The parsed file as the program uses it. */
export function configOf(file: ParsedFile, env: Environment): Config {
  return {
    admin: { host: file.admin.host, port: file.admin.port, token: file.admin.token ?? null },
    redis: file.redis === undefined ? null : redisOf(file.redis),
    proxy: file.proxy === undefined ? null : proxyOf(file.proxy, forwardAuthOf(file.forwardAuth), env),
    keyService: file.keyService === undefined ? null : keyServiceOf(file.keyService),
    log: file.log,
    tracing: file.tracing === undefined ? null : tracingOf(file.tracing),
  };
}

function tracingOf({ headers, resource, ...tracing }: ParsedTracing): TracingConfig {
  return {
    ...tracing,
    headers: new Map(Object.entries(headers)),
    resource: new Map(Object.entries(resource)),
  };
}

function redisOf(redis: ParsedRedis): RedisConfig {
  const { url, tls } = redis;
  const files = typeof tls === 'object' ? tls : {};
  const isTls = tls === undefined ? (url?.isTls ?? false) : tls !== false;
  return {
    servers: serversOf(redis),
    database: redis.database ?? url?.database ?? 0,
    username: redis.username ?? url?.username ?? null,
    password: redis.password ?? url?.password ?? null,
    tls: isTls ? { ca: files.ca ?? null, cert: files.cert ?? null, key: files.key ?? null } : null,
    protocol: redis.protocol,
  };
}

/** `redisChecks` has seen to it that there is exactly one of the three. */
function serversOf({ url, sentinels, name, cluster }: ParsedRedis): RedisConfig['servers'] {
  if (url !== undefined) return { kind: 'single', host: url.host, port: url.port };
  if (cluster !== undefined) return { kind: 'cluster', nodes: cluster };
  return { kind: 'sentinel', sentinels: sentinels ?? [], name: name ?? '' };
}

function forwardAuthOf(section: ParsedFile['forwardAuth']): ForwardAuthConfig | null {
  return section === undefined ? null : { ...section, refusalSecret: section.refusalSecret ?? null };
}

function proxyOf(
  proxy: NonNullable<ParsedFile['proxy']>,
  forwardAuth: ForwardAuthConfig | null,
  env: Environment,
): ProxyConfig {
  const { keys, timeouts, drain } = proxy;
  return {
    host: proxy.host,
    port: proxy.port,
    forwardAuth,
    tls: proxy.tls ?? null,
    upstreamTls: proxy.upstreamTls ?? null,
    trustedProxies: proxy.trustedProxies,
    keys: {
      service: keys.service === undefined ? null : { ...keys.service.url, token: keys.service.token },
      file: keys.file ?? null,
      cacheSize: keys.cacheSize,
      freshForMs: keys.freshFor,
      staleIfErrorMs: keys.staleIfError,
      fenceMs: keys.fence,
      negativeForMs: keys.negativeFor,
      checksum: keys.checksum,
      prefixes: keys.prefixes,
    },
    limits: { mode: proxy.limits.mode, whenRedisIsDown: proxy.limits.whenRedisIsDown },
    failedAuthentication: proxy.failedAuthentication === 'off' ? null : proxy.failedAuthentication,
    tiers: tiersOf(proxy.tiers),
    plexmcpSelfHosted: isSelfHosted(env),
    timeouts: {
      headerMs: timeouts.header,
      bodyIdleMs: timeouts.bodyIdle,
      connectMs: timeouts.connect,
      firstByteMs: timeouts.firstByte,
      idleMs: timeouts.idle,
    },
    identity: proxy.identity === undefined ? null : identityOf(proxy.identity),
    bounds: {
      headerBytes: proxy.bounds.headerBytes,
      inFlight: proxy.bounds.inFlight,
      connectionsPerAddress: proxy.bounds.connectionsPerAddress,
      loopDelayMs: proxy.bounds.loopDelay,
    },
    metrics: proxy.metrics,
    drain: { delayMs: drain.delay, timeoutMs: drain.timeout },
    routes: proxy.routes.map(routeOf),
  };
}

function identityOf({
  lifetime,
  ...identity
}: NonNullable<NonNullable<ParsedFile['proxy']>['identity']>): ProxyConfig['identity'] {
  return { ...identity, lifetimeMs: lifetime };
}

/** PlexMCP's own rule for its variable: `true` in any case, or `1`. */
function isSelfHosted(env: Environment): boolean {
  const value = env['PLEXMCP_SELF_HOSTED'];
  return value === '1' || value?.toLowerCase() === 'true';
}

function tiersOf(tiers: NonNullable<ParsedFile['proxy']>['tiers']): Tiers {
  const byName = (profile: Record<string, 'unlimited' | StatedLimit[]>) =>
    new Map(Object.entries(profile).map(([name, limits]) => [name, limits === 'unlimited' ? [] : limits]));
  return {
    plexe: byName(tiers.plexe),
    plextera: byName(tiers.plextera),
    plexmcp: byName(tiers.plexmcp),
    standard: byName(tiers.standard),
  };
}

function routeOf(route: ParsedRoute): RouteConfig {
  const host = route.match.host ?? null;
  const { path } = route.match;
  return {
    id: (host ?? '') + path,
    host,
    path,
    stripPath: route.stripPath,
    profile: route.profile,
    accept: route.accept ?? ACCEPTED_SCHEMES[route.profile],
    schemeCase: route.schemeCase,
    auth: route.auth,
    access: route.access,
    rules: [...route.rules.map(ruleOf), ...defaultRules(route)],
    workspace: route.workspace ?? null,
    upstream: route.upstream,
    credential: credentialOf(route.credential),
    audience: route.audience ?? null,
  };
}

function ruleOf(rule: ParsedRoute['rules'][number]): RuleConfig {
  return {
    path: rule.path,
    methods: rule.methods ?? null,
    auth: rule.auth ?? null,
    access: rule.access ?? null,
    accept: rule.accept ?? null,
  };
}

const MCP_ENDPOINT = '/mcp';

/**
 * The MCP endpoint takes what MCP clients send. Rules see the path as forwarded, so a kept prefix is part of it; a route
 * of the endpoint alone is one that ends with it.
 */
function defaultRules({ profile, accept, stripPath, match }: ParsedRoute): RuleConfig[] {
  if (profile !== 'plexmcp' || accept !== undefined) return [];
  const prefix = stripPath || match.path === '/' ? '' : match.path;
  const path = prefix.endsWith(MCP_ENDPOINT) ? prefix : `${prefix}${MCP_ENDPOINT}`;
  return [{ path, methods: null, auth: null, access: null, accept: MCP_ENDPOINT_SCHEMES }];
}

function credentialOf(credential: ParsedRoute['credential']): RouteConfig['credential'] {
  if (typeof credential === 'string') return { kind: credential };
  const { header, scheme, value } = credential;
  return { kind: 'rewrite', header, scheme: scheme ?? null, value: value ?? null };
}

function keyServiceOf(file: NonNullable<ParsedFile['keyService']>): KeyServiceConfig {
  const { current, ...secrets } = file.peppers ?? { current: '' };
  return {
    host: file.host,
    port: file.port,
    store: file.store,
    serviceTokens: file.serviceToken ?? null,
    adminTokens: file.adminToken ?? null,
    peppers: file.peppers === undefined ? null : { current, secrets: new Map(Object.entries(secrets)) },
    console: consoleOf(file),
  };
}

/** Where other machines reach the key service, the console is there only if the file says so. */
function consoleOf({ console: written, host }: NonNullable<ParsedFile['keyService']>): ConsoleConfig | null {
  if (written === 'off' || (written === undefined && !isLoopback(host))) return null;
  const { origin, idle, longest, trustedProxies } = written ?? consoleDefaults;
  return { origin: origin ?? null, idleMs: idle, longestMs: longest, trustedProxies };
}
