import type { Redis } from 'ioredis';
import type { RedisConfig } from '../../config/config.ts';
import { createListeningClient, readTls } from './client.ts';
import { Presence, type PresenceOptions } from './presence.ts';
import type { RedisListener, RedisSubscription } from './redis.ts';
import { isErrorReply } from './tracked-command.ts';

/** How often a connection on which nothing need be said is asked whether it still is one. */
const HEARTBEAT_MS = 400;

/**
 * Hears a channel over a connection of its own, which is made anew whenever it is lost or answers nothing. Rejects only
 * for a configuration that cannot work.
 */
export async function subscribeRedis(
  config: RedisConfig,
  channel: string,
  listener: RedisListener,
  options: PresenceOptions,
): Promise<RedisSubscription> {
  const client = createListeningClient(config, `plexgate-${options.purpose}`, await readTls(config));
  const subscription = new Subscription(client, channel, listener, options);
  await subscription.open();
  return subscription;
}

class Subscription implements RedisSubscription {
  readonly #client: Redis;
  readonly #presence: Presence;
  #heartbeat: NodeJS.Timeout | null = null;

  constructor(client: Redis, channel: string, listener: RedisListener, options: PresenceOptions) {
    this.#client = client;
    this.#presence = new Presence(client, options, async () => {
      await client.subscribe(channel);
      listener.connected();
    });
    client.on('message', (from: string, text: string) => {
      if (from === channel) listener.message(text);
    });
  }

  open(): Promise<void> {
    this.#heartbeat = setInterval(() => void this.#beat(), HEARTBEAT_MS);
    return this.#presence.open();
  }

  get isUp(): boolean {
    return this.#presence.isUp;
  }

  async close(): Promise<void> {
    if (this.#heartbeat !== null) clearInterval(this.#heartbeat);
    await this.#presence.close();
  }

  async #beat(): Promise<void> {
    if (!this.isUp) return;
    const { stream } = this.#client;
    try {
      await this.#client.ping();
    } catch (error) {
      // An error reply is an answer, too.
      if (!isErrorReply(error)) stream.destroy();
    }
  }
}
