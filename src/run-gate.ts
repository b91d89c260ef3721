import { setTimeout as pause } from 'node:timers/promises';
import type { Config, ProxyConfig, RedisConfig } from './config/config.ts';
import { Seal } from './core/seal.ts';
import type { KeySource, News, Renewals, ReportSink } from './core/wire.ts';
import { createEchoServer } from './demo/echo.ts';
import type { Process } from './process.ts';
import { openKeysFile } from './proxy/keys/keys-file.ts';
import { KeyServiceClient } from './proxy/keys/service-client.ts';
import type { KeyPartners } from './proxy/keys/start.ts';
import { startProxy, type ProxyOptions, type RunningProxy } from './proxy/start.ts';
import type { RunningKeyService } from './run-key-service.ts';
import { connectRedis, subscribeTo, warnOfEviction } from './run-redis.ts';
import { systemClock } from './runtime/clock.ts';
import type { StopStack } from './runtime/lifecycle.ts';
import { closeServer, hostAndPort, listen } from './runtime/listen.ts';
import type { RedisConnection } from './runtime/redis/redis.ts';

/** Where a gate's keys come from, and whom it tells what it has seen. */
interface Keys extends Omit<KeyPartners, 'redis'> {
  readonly reports: ReportSink;
  /** Where management calls go; null where there are none. */
  readonly keyService: ProxyOptions['keyService'];
}

/** `keyService` is the one of this process, if it has one. */
export async function startGate(
  { redis }: Config,
  config: ProxyConfig,
  keyService: RunningKeyService | null,
  parts: Process,
): Promise<RunningProxy> {
  const { log, metrics, stops, stop } = parts;
  const keys = await keysOf(config, keyService, parts);
  const token = keys.keyService?.token;
  const proxy = await startProxy({
    config,
    ...keys,
    redis:
      redis === null || token === undefined
        ? null
        : {
            cache: await connectRedis(redis, 'cache', parts),
            subscribe: subscribeTo(redis, parts),
            seal: new Seal([token]),
          },
    limits: redis === null ? null : await connectLimits(redis, parts),
    echoOrigin: await startEcho(config, stops),
    clock: systemClock,
    metrics,
    log,
  });
  stops.push('gate', async () => {
    // Ready no more, but serving: whoever routes to this process needs time to hear of it.
    proxy.drain();
    if (stop.reason === 'SIGTERM') await pause(config.drain.delayMs);
    await proxy.stop(config.drain.timeoutMs);
  });
  const scheme = config.tls === null ? 'http' : 'https';
  log.info({ url: `${scheme}://${hostAndPort(config.host, proxy.port)}` }, 'gate listens');
  return proxy;
}

async function connectLimits(redis: RedisConfig, parts: Process): Promise<RedisConnection> {
  const connection = await connectRedis(redis, 'limits', parts);
  await warnOfEviction(connection, parts);
  return connection;
}

const NO_NEWS: News = () => () => undefined;
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
    };
  }
  if (file === null) {
    return { source: NO_KEYS, renewals: NO_KEYS, news: NO_NEWS, reports: NO_REPORTS, keyService: null };
  }
  const opened = await openKeysFile({ path: file, clock: systemClock, log, metrics });
  stops.push('keys file', () => opened.close());
  const { source } = opened;
  return { source, renewals: source, news: source.onNews, reports: NO_REPORTS, keyService: null };
}

/** The `echo` upstream on a free port of loopback, where a route wants it. */
async function startEcho({ routes }: ProxyConfig, stops: StopStack): Promise<string | null> {
  if (!routes.some(({ upstream }) => upstream.kind === 'echo')) return null;
  const host = '127.0.0.1';
  const echo = createEchoServer();
  const port = await listen(echo, host, 0);
  stops.push('echo', () => closeServer(echo, 0));
  return `http://${hostAndPort(host, port)}`;
}
