import { startGate, type TestGate, type TestGateOptions } from './gate.ts';
import { startRedis, type RedisServer } from './redis-servers.ts';
import { startUpstream, type Upstream } from './upstream.ts';
import { Fixtures } from './wire-fixtures.ts';

/** A gate with a key service of its own, in front of a recording upstream. */
export interface Stage {
  readonly gate: TestGate;
  readonly upstream: Upstream;
  readonly fixtures: Fixtures;
  /** Null where the gate has none. */
  readonly redis: RedisServer | null;
  stop(): Promise<void>;
}

/** `config` holds `{upstream}` for the upstream's origin. */
export interface StageOptions extends TestGateOptions {
  /** Texts that name the fixtures to make, such as `{RW}`. */
  readonly fixtures: string;
  /** Whether gate and key service share a Redis, which is the stage's own. */
  readonly withRedis?: boolean;
}

export async function startStage({
  config,
  fixtures,
  withRedis = false,
  ...options
}: StageOptions): Promise<Stage> {
  const upstream = await startUpstream();
  const redis = withRedis ? await startRedis() : null;
  const gate = await startGate({
    ...options,
    ...(redis === null ? {} : { redis: redis.config }),
    config: config.replaceAll('{upstream}', upstream.origin),
  });
  const made = new Fixtures(gate);
  await made.prepare(fixtures);
  return {
    gate,
    upstream,
    fixtures: made,
    redis,
    stop: async () => {
      await gate.stop();
      await upstream.stop();
      await redis?.stop();
    },
  };
}
