import type { Server } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import type { Config, ProxyConfig, RedisConfig } from './config/config.ts';
import { Seal } from './core/seal.ts';
import type { Secret } from './core/secret.ts';
import type { KeySource, News, Renewals, ReportSink } from './core/wire.ts';
import { createEchoServer } from './demo/echo.ts';
import type { Process } from './process.ts';
import { openKeysFile } from './proxy/keys/keys-file.ts';
import { KeyServiceClient } from './proxy/keys/service-client.ts';
import type { KeyPartners } from './proxy/keys/start.ts';
import type { NamedUpstreams } from './proxy/settings.ts';
import { startProxy, type RunningProxy } from './proxy/start.ts';
import type { RunningKeyService } from './run-key-service.ts';
import { connectRedis, subscribeTo, warnOfEviction } from './run-redis.ts';
import { systemClock } from './runtime/clock.ts';
import { closeServer, hostAndPort, listen } from './runtime/listen.ts';
import type { RedisConnection } from './runtime/redis/redis.ts';
import { VERSION } from './version.ts';

/** Where a gate's keys come from, and whom it tells what it has seen. */
interface Keys extends Omit<KeyPartners, 'redis'> {
  readonly reports: ReportSink;
  /** Where management calls go; null where there are none. */
  readonly keyService: NamedUpstreams['keyService'];
  /** Readies what another configuration says of it. Rejects where that cannot be. */
  prepare(next: ProxyConfig): Promise<() => void>;
}

export interface RunningGate extends Pick<RunningProxy, 'port' | 'member' | 'decisions' | 'jwks'> {
  /**
   * Readies another configuration and answers how to put it in force, in one turn. Rejects where that cannot be.
   * `ownToken` is what opens the key service of this process then.
   */
  prepare(next: ProxyConfig, ownToken: Secret | null): Promise<() => void>;
}

/** `keyService` is the one of this process, if it has one. */
export async function startGate(
  { redis }: Config,
  config: ProxyConfig,
  keyService: RunningKeyService | null,
  parts: Process,
): Promise<RunningGate> {
  const { log, metrics, stops, stop, tracing } = parts;
  const keys = await keysOf(config, keyService, parts);
  const seal = keys.keyService === null ? null : new Seal([keys.keyService.token]);
  const echo = new EchoUpstream();
  stops.push('echo', () => echo.close());
  const proxy = await startProxy({
    config,
    ...keys,
    redis:
      redis === null || seal === null
        ? null
        : { cache: await connectRedis(redis, 'cache', parts), subscribe: subscribeTo(redis, parts), seal },
    limits: redis === null ? null : await connectLimits(redis, parts),
    echoOrigin: await echo.originFor(config),
    clock: systemClock,
    metrics,
    log,
    tracing,
    version: VERSION,
  });
  let { drain } = config;
  stops.push('gate', async () => {
    // Ready no more, but serving: whoever routes to this process needs time to hear of it.
    proxy.drain();
    if (stop.reason === 'SIGTERM') await pause(drain.delayMs);
    await proxy.stop(drain.timeoutMs);
  });
  const scheme = config.tls === null ? 'http' : 'https';
  log.info({ url: `${scheme}://${hostAndPort(config.host, proxy.port)}` }, 'gate listens');
  if (config.forwardAuth !== null && proxy.forwardAuthPort !== null) {
    const url = `http://${hostAndPort(config.forwardAuth.host, proxy.forwardAuthPort)}`;
    log.info({ url }, 'forward-auth listens');
  }
  return {
    port: proxy.port,
    member: () => proxy.member(),
    decisions: (requestId) => proxy.decisions(requestId),
    jwks: () => proxy.jwks(),
    async prepare(next, ownToken) {
      const token = next.keys.service?.token ?? ownToken;
      const { keyService: before } = keys;
      const service = before === null || token === null ? before : { ...before, token };
      const putKeysInForce = await keys.prepare(next);
      const named = { keyService: service, echoOrigin: await echo.originFor(next) };
      const putProxyInForce = proxy.prepare(next, named);
      return () => {
        if (service !== null) seal?.adopt([service.token]);
        putKeysInForce();
        putProxyInForce();
        ({ drain } = next);
      };
    },
  };
}

async function connectLimits(redis: RedisConfig, parts: Process): Promise<RedisConnection> {
  const connection = await connectRedis(redis, 'limits', parts);
  await warnOfEviction(connection, parts);
  return connection;
}

const NO_NEWS: News = () => () => undefined;
const nothingToReady = (): Promise<() => void> => Promise.resolve(() => undefined);
const NO_REPORTS: ReportSink = { report: () => Promise.resolve() };
/** A gate whose routes are all open asks nobody. */
const NO_KEYS: KeySource & Renewals = {
  resolve: () => Promise.reject(new Error('this process has no source of keys')),
  renew: () => Promise.resolve(null),
};

async function keysOf(
  { keys: { file, service } }: ProxyConfig,
  keyService: RunningKeyService | null,
  { log, metrics, stops }: Process,
): Promise<Keys> {
  if (keyService !== null) {
    const { service: here } = keyService;
    return {
      source: here,
      renewals: here,
      reports: here,
      news: here.onNews,
      keyService: { ...keyService, basePath: '' },
      prepare: nothingToReady,
    };
  }
  if (service !== null) {
    const client = new KeyServiceClient({ service });
    stops.push('key service client', () => client.close());
    return {
      source: client,
      renewals: client,
      news: NO_NEWS,
      reports: client,
      keyService: service,
      prepare: async ({ keys: { service: next } }) => {
        return () => {
          if (next !== null) client.adopt(next.token);
        };
      },
    };
  }
  if (file === null) {
    return {
      source: NO_KEYS,
      renewals: NO_KEYS,
      news: NO_NEWS,
      reports: NO_REPORTS,
      keyService: null,
      prepare: nothingToReady,
    };
  }
  const opened = await openKeysFile({ path: file, clock: systemClock, log, metrics });
  stops.push('keys file', () => opened.close());
  const { source } = opened;
  return {
    source,
    renewals: source,
    news: source.onNews,
    reports: NO_REPORTS,
    keyService: null,
    prepare: ({ keys: { file: next } }) => opened.prepare(next ?? file),
  };
}

/** The `echo` upstream on a free port of loopback, from when a route wants it. */
class EchoUpstream {
  #server: Server | null = null;
  #origin: string | null = null;

  /** Null where no route wants it and none has. */
  async originFor({ routes }: ProxyConfig): Promise<string | null> {
    if (this.#origin === null && routes.some(({ upstream }) => upstream.kind === 'echo')) {
      const host = '127.0.0.1';
      this.#server = createEchoServer();
      this.#origin = `http://${hostAndPort(host, await listen(this.#server, host, 0))}`;
    }
    return this.#origin;
  }

  async close(): Promise<void> {
    if (this.#server !== null) await closeServer(this.#server, 0);
  }
}
