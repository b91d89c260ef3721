import type { ProxyConfig } from '../../config/config.ts';
import type { Clock } from '../../core/clock.ts';
import type { Seal } from '../../core/seal.ts';
import type { Change, KeySource, News, Renewals } from '../../core/wire.ts';
import type { Metrics } from '../../runtime/metrics.ts';
import { RedisHead } from '../../runtime/redis/head.ts';
import type { RedisConnection } from '../../runtime/redis/redis.ts';
import { keyEvents } from './key-events.ts';
import { Knowledge } from './knowledge.ts';
import { KeyLookup } from './lookup.ts';
import { Member, type MemberEvents } from './member.ts';
import { RedisNews, type Subscribe } from './redis-news.ts';
import { SHARED_FOR_MS, SharedCache } from './shared-cache.ts';
import { Silence } from './silence.ts';
import { Witness } from './witness.ts';

/** Where keys come from, and what keeps this process in step with their changes. */
export interface KeyPartners {
  readonly source: KeySource;
  readonly renewals: Renewals;
  /** What this process hears of by itself; nothing where the key service is another process. */
  readonly news: News;
  /** Null: no Redis. What stands there is believed only under the seal. */
  readonly redis: {
    readonly cache: RedisConnection;
    readonly subscribe: Subscribe;
    readonly seal: Seal;
  } | null;
}

export interface KeyOptions extends KeyPartners {
  /** The name of this process. */
  readonly member: string;
  readonly config: ProxyConfig['keys'];
  /** What is to be done about changes before they are acknowledged. Never rejects. */
  readonly settle: (changes: readonly Change[]) => Promise<void>;
  readonly clock: Clock;
  readonly metrics: Metrics;
}

export interface RunningKeys {
  readonly keys: KeyLookup;
  readonly knowledge: Knowledge;
  /** The breaker before the key service. */
  readonly silence: Pick<Silence, 'isOpen'>;
  state(): MemberState;
  /** Call when nothing is served any more. */
  stop(): Promise<void>;
}

/** This process as a member of the fleet, as the JSON of its admin port. Ages are null where there is nothing yet. */
export interface MemberState {
  readonly id: string;
  /** `resolve`: the key service offers no renewals, so that a change may take as long as the fence. */
  readonly mode: 'renew' | 'resolve';
  readonly epoch: string | null;
  readonly applied: number;
  readonly fence_ms: number;
  readonly stale_if_error_ms: number;
  readonly renewal_age_ms: number | null;
  /** Of Redis' word, with the key service away, that nothing has changed. */
  readonly confirmation_age_ms: number | null;
  readonly redis_run: string | null;
  readonly news_channel_up: boolean;
}

/** Keys as this process knows them, kept in step from now on. Fulfilled when the first renewal has ended, however. */
export async function startKeys(options: KeyOptions): Promise<RunningKeys> {
  const { member: id, config, source, renewals, news, redis, clock, metrics } = options;
  const events = keyEvents(metrics);
  // Without Redis there is nobody to say that nothing has changed.
  const staleIfErrorMs = redis === null ? 0 : config.staleIfErrorMs;
  const knowledge = new Knowledge({ clock, fenceMs: config.fenceMs, staleIfErrorMs });
  const parts = redis === null ? NO_REDIS : redisParts(options, redis, knowledge, events);
  const { witness, shared, redisNews } = parts;
  const silence = breakerOf(clock, metrics);
  const member = new Member({
    id,
    renewals,
    news,
    knowledge,
    witness,
    staleIfErrorMs,
    settle: options.settle,
    clock,
    events: ending(silence, events.member),
  });
  const keys = new KeyLookup({
    ...config,
    source,
    knowledge,
    member,
    silence,
    shared,
    clock,
    events: events.lookup,
  });
  metrics.watchCacheEntries(() => keys.entries);
  metrics.watchKnowledgeAge(() => knowledge.renewalAgeMs / 1000);
  metrics.watchRevocationChannel(() => Number(redisNews?.isUp ?? false));
  await Promise.all([member.start(), redisNews?.open(member.hear)]);
  return {
    keys,
    knowledge,
    silence,
    state: () => ({
      id,
      mode: knowledge.alone ? 'resolve' : 'renew',
      epoch: knowledge.epoch,
      applied: knowledge.applied,
      fence_ms: knowledge.fenceMs,
      stale_if_error_ms: staleIfErrorMs,
      renewal_age_ms: finite(knowledge.renewalAgeMs),
      confirmation_age_ms: finite(knowledge.confirmationAgeMs),
      redis_run: knowledge.redisRun,
      news_channel_up: redisNews?.isUp ?? false,
    }),
    async stop() {
      await redisNews?.close();
      await member.stop();
    },
  };
}

/** The breaker before the key service; where the keys come from a file it never opens. */
function breakerOf(clock: Clock, metrics: Metrics): Silence {
  const gauge = metrics.breakerOpen.labels('key_service');
  gauge.set(0);
  return new Silence(
    () => clock.monotonic(),
    (isOpen) => gauge.set(Number(isOpen)),
  );
}

/** A key service that renews what is known here is not silent. */
function ending(silence: Silence, events: MemberEvents): MemberEvents {
  return {
    applied: (changes, lagMs) => events.applied(changes, lagMs),
    renewed(result) {
      if (result === 'ok') silence.end();
      events.renewed(result);
    },
  };
}

const NO_REDIS = { witness: null, shared: null, redisNews: null };

function redisParts(
  { member, clock }: KeyOptions,
  { cache, subscribe, seal }: NonNullable<KeyPartners['redis']>,
  knowledge: Knowledge,
  events: ReturnType<typeof keyEvents>,
) {
  const head = new RedisHead(cache, seal, () => events.witnessAsked('forged'));
  return {
    witness: new Witness({
      isUp: () => cache.isUp,
      read: () => head.read(),
      knowledge,
      clock,
      asked: events.witnessAsked,
    }),
    shared: new SharedCache({
      redis: cache,
      seal,
      knowledge,
      clock,
      member,
      keepMs: SHARED_FOR_MS,
    }),
    redisNews: new RedisNews({ subscribe, seal, knowledge, heard: events.newsHeard }),
  };
}

function finite(ms: number): number | null {
  return Number.isFinite(ms) ? Math.round(ms) : null;
}
