import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext, type ConnectionOptions } from 'node:tls';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import type { RedisAddress, RedisConfig } from '../../config/config.ts';

/** A client of one server (itself or found through Sentinel), or of a Cluster. It has not begun to connect. */
export type Client = Redis | Cluster;

/** Replies have the shapes of RESP2 under either protocol. */
type ServerOptions = RedisOptions & { readonly replyMapping: 'legacy' };

/** How long a connection may take to open, and each step after that until it is ready. */
const CONNECT_MS = 500;
/** How long a connection that is given up may take to close in order. */
const DISCONNECT_MS = 100;

/** A client that sends each command once: nothing waits for a connection to come back, nothing is sent again. */
export function createClient(config: RedisConfig, name: string, tls: ConnectionOptions | null): Client {
  const { servers } = config;
  if (servers.kind !== 'cluster') return new Redis(serverOptions(config, name, tls));
  return createCluster(servers.nodes, commonOptions(config, name, tls));
}

/**
 * A client of one server to listen through. In a Cluster every node hears what is published, so it takes them in
 * turns, another after each failure.
 */
export function createListeningClient(
  config: RedisConfig,
  name: string,
  tls: ConnectionOptions | null,
): Redis {
  const { servers } = config;
  if (servers.kind !== 'cluster') return new Redis(serverOptions(config, name, tls));
  let nodes = servers.nodes;
  let attempts = Math.floor(Math.random() * nodes.length);
  const next = (): RedisAddress | undefined => nodes[attempts++ % nodes.length];
  const client: Redis = new Redis({
    ...commonOptions(config, name, tls),
    ...next(),
    retryStrategy: (times: number) => {
      Object.assign(client.options, next());
      return backOff(times);
    },
  });
  client.on('ready', () => {
    const learn = (slots: unknown): void => {
      nodes = [...servers.nodes, ...nodesIn(slots)];
    };
    // Without an answer, those known so far are what there is.
    client.cluster('SLOTS').then(learn, () => {});
  });
  return client;
}

/** From the reply to CLUSTER SLOTS: ranges, each with its first and last slot and then its nodes. */
function nodesIn(slots: unknown): RedisAddress[] {
  const ranges = slots as [number, number, ...[string | null, number][]][];
  return ranges.flatMap(([, , ...nodes]) => nodes).flatMap(([host, port]) => (host ? [{ host, port }] : []));
}

/** Rejects where a file cannot be read or holds something else than it should: no later attempt can succeed. */
export async function readTls(config: RedisConfig): Promise<ConnectionOptions | null> {
  if (config.tls === null) return null;
  const options: ConnectionOptions = {};
  for (const part of ['ca', 'cert', 'key'] as const) {
    const path = config.tls[part];
    if (path === null) continue;
    const text = await readFile(path);
    // The context below takes anything for an authority, and would then trust none.
    if (part !== 'key' && !isCertificate(text)) {
      throw new Error(`redis.tls.${part}: ${path} holds no certificate`);
    }
    options[part] = text;
  }
  try {
    createSecureContext(options);
  } catch (error) {
    throw new Error('redis.tls: certificate and key do not fit together', { cause: error });
  }
  return options;
}

function isCertificate(text: Buffer): boolean {
  try {
    return new X509Certificate(text).raw.length > 0;
  } catch {
    return false;
  }
}

/** Doubles up to 0.8 s, and is spread so that many processes do not come back at once. */
export function backOff(attempt: number): number {
  const longest = Math.min(800, 25 * 2 ** Math.min(attempt - 1, 5));
  return longest * (0.5 + Math.random() / 2);
}

function serverOptions(config: RedisConfig, name: string, tls: ConnectionOptions | null): ServerOptions {
  const { servers, database, password } = config;
  const options: ServerOptions = {
    ...commonOptions(config, name, tls),
    db: database,
    retryStrategy: backOff,
  };
  if (servers.kind === 'single') return { ...options, host: servers.host, port: servers.port };
  if (servers.kind === 'cluster') return options;
  return {
    ...options,
    sentinels: [...servers.sentinels],
    name: servers.name,
    sentinelRetryStrategy: backOff,
    sentinelCommandTimeout: CONNECT_MS,
    ...(password === null ? {} : { sentinelPassword: password.reveal() }),
    ...(tls === null ? {} : { sentinelTLS: tls, enableTLSForSentinelMode: true }),
  };
}

function commonOptions(config: RedisConfig, name: string, tls: ConnectionOptions | null): ServerOptions {
  const { username, password, protocol } = config;
  return {
    lazyConnect: true,
    connectionName: name,
    disableClientInfo: true,
    protocol,
    replyMapping: 'legacy',
    ...(username === null ? {} : { username }),
    ...(password === null ? {} : { password: password.reveal() }),
    ...(tls === null ? {} : { tls }),
    connectTimeout: CONNECT_MS,
    // For what the client itself asks while it connects; calls have deadlines of their own.
    commandTimeout: CONNECT_MS,
    disconnectTimeout: DISCONNECT_MS,
    keepAlive: 10_000,
    maxLoadingRetryTime: CONNECT_MS,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    maxRetriesPerRequest: 0,
    // A master that has become a replica keeps its connections: the new one is behind a new connection.
    reconnectOnError: (error) => /\bREADONLY\b/.test(error.message),
  };
}

/** Of a Cluster, error replies alone make a command travel on: then no node has done it. */
function createCluster(nodes: readonly RedisAddress[], redisOptions: ServerOptions): Cluster {
  return new Cluster([...nodes], {
    lazyConnect: true,
    enableOfflineQueue: false,
    redisOptions,
    clusterRetryStrategy: backOff,
    slotsRefreshTimeout: 1000,
    maxRedirections: 2,
    retryDelayOnClusterDown: 50,
    retryDelayOnTryAgain: 50,
    // A command whose connection was lost may have been done.
    retryDelayOnFailover: 0,
    // Certificates are for names.
    dnsLookup: (address, callback) => callback(null, address),
  });
}
