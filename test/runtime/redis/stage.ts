import type { RedisConfig } from '../../../src/config/config.ts';
import { Seal } from '../../../src/core/seal.ts';
import { Secret } from '../../../src/core/secret.ts';
import type { LogFields } from '../../../src/runtime/log.ts';
import { openRedis } from '../../../src/runtime/redis/connect.ts';
import type { RedisConnection, RedisScript } from '../../../src/runtime/redis/redis.ts';
import { RedisError } from '../../../src/runtime/redis/redis.ts';
import { subscribeRedis } from '../../../src/runtime/redis/subscribe.ts';
import { until } from '../../support/until.ts';

export const seal = new Seal([new Secret('the service token of these tests')]);

/** Counts up and says how far it is; every run is seen, and nothing else changes the number. */
export const COUNT: RedisScript = {
  name: 'count',
  numberOfKeys: 1,
  lua: `local n = tonumber(redis.call('GET', KEYS[1]) or '0') + 1
redis.call('SET', KEYS[1], n)
return n`,
};

/** What a connection has told of itself. */
export interface Told {
  readonly ups: boolean[];
  readonly commands: ('ok' | 'error' | 'timeout')[];
  readonly log: string[];
}

export interface OpenedRedis extends Told {
  readonly redis: RedisConnection;
}

/** A deadline that no machine is too slow for; where it matters, a test has its own. */
const AMPLE_MS = 5000;

export async function open(config: RedisConfig, deadlineMs = AMPLE_MS): Promise<OpenedRedis> {
  const { told, options } = recording('limits');
  const events = {
    ...options.events,
    command: (result: Told['commands'][number]) => void told.commands.push(result),
  };
  const redis = await openRedis(config, { ...options, events, deadlineMs });
  return { ...told, redis };
}

export interface Heard extends Told {
  readonly messages: string[];
  /** One for each time that messages may have been missed. */
  readonly connections: number[];
  readonly isUp: boolean;
  close(): Promise<void>;
}

export async function listen(config: RedisConfig, channel: string): Promise<Heard> {
  const { told, options } = recording('news');
  const messages: string[] = [];
  const connections: number[] = [];
  const listener = {
    message: (text: string) => void messages.push(text),
    connected: () => void connections.push(messages.length),
  };
  const subscription = await subscribeRedis(config, channel, listener, options);
  return {
    ...told,
    messages,
    connections,
    get isUp() {
      return subscription.isUp;
    },
    close: () => subscription.close(),
  };
}

function recording(purpose: string) {
  const told: Told = { ups: [], commands: [], log: [] };
  const write =
    (level: string) =>
    (fields: LogFields, message: string): void =>
      void told.log.push(`${level} ${message} (${fields.detail})`);
  const events = { up: (isUp: boolean) => void told.ups.push(isUp) };
  return { told, options: { purpose, events, log: { info: write('info'), warn: write('warn') } } };
}

export interface Outcome {
  readonly kind: 'done' | 'refused' | 'unknown';
  readonly message: string;
  readonly tookMs: number;
}

/** How a call ended, and when. */
export async function outcomeOf(call: () => Promise<unknown>): Promise<Outcome> {
  const startedAt = performance.now();
  const ended = await call().then(
    () => ({ kind: 'done' as const, message: '' }),
    (error: unknown) => {
      if (error instanceof RedisError) return { kind: error.kind, message: error.message };
      throw error;
    },
  );
  return { ...ended, tookMs: performance.now() - startedAt };
}

/** The first answer to a call that is made until it has one. */
export async function answerOf<Reply>(call: () => Promise<Reply>): Promise<Reply> {
  let answer: { reply: Reply } | null = null;
  await until('the call is answered', async () => {
    answer = { reply: await call() };
    return true;
  });
  if (answer === null) throw new Error('no answer');
  return (answer as { reply: Reply }).reply;
}

/** A name of the program's, used by nothing else. */
export function someName(): string {
  names += 1;
  return `plexgate:test:{${names}}`;
}

let names = 0;
