import { createHash } from 'node:crypto';
import { Cluster, type Redis } from 'ioredis';
import type { RedisConfig } from '../../config/config.ts';
import { Calls, ErrorReply, type CommandEvents } from './calls.ts';
import { createClient, readTls, type Client } from './client.ts';
import { Presence, type PresenceEvents, type PresenceOptions } from './presence.ts';
import type { RedisConnection, RedisScript } from './redis.ts';

export { subscribeRedis } from './subscribe.ts';

export interface RedisOptions extends PresenceOptions {
  /** How long a call may take, whatever it needs to send; 100 ms where nothing is said. */
  readonly deadlineMs?: number;
  readonly events: PresenceEvents & CommandEvents;
}

/**
 * Connects, and stays connected: a connection that is lost, or that answers nothing, is made anew, at first at once and
 * then at most every 0.8 s. Rejects only for a configuration that cannot work; where Redis is away, the connection is
 * there, is not up, and every call is refused at once.
 */
export async function openRedis(config: RedisConfig, options: RedisOptions): Promise<RedisConnection> {
  const client = createClient(config, `plexgate-${options.purpose}`, await readTls(config));
  const connection = new Connection(client, options);
  await connection.open();
  return connection;
}

class Connection implements RedisConnection {
  readonly isCluster: boolean;
  readonly #calls: Calls;
  readonly #presence: Presence;

  constructor(client: Client, options: RedisOptions) {
    this.isCluster = client instanceof Cluster;
    this.#calls = new Calls(client, options.deadlineMs ?? 100, options.events);
    this.#presence = new Presence(client, options, () => connectMasters(client));
    if (client instanceof Cluster) {
      client.on('+node', (node: Redis) => {
        if (client.status === 'ready') void connectNode(node);
      });
    }
  }

  open(): Promise<void> {
    return this.#presence.open();
  }

  get isUp(): boolean {
    return this.#presence.isUp;
  }

  async get(name: string): Promise<string | null> {
    return (await this.#calls.call((ask) => ask('get', [name]))) as string | null;
  }

  async set(name: string, value: string, keepMs: number | null): Promise<void> {
    const keep = keepMs === null ? [] : ['PX', Math.max(1, Math.floor(keepMs))];
    await this.#calls.call((ask) => ask('set', [name, value, ...keep]));
  }

  async publish(channel: string, message: string): Promise<void> {
    await this.#calls.call((ask) => ask('publish', [channel, message]));
  }

  run(
    script: RedisScript,
    keys: readonly string[],
    parameters: readonly (string | number)[],
  ): Promise<unknown> {
    if (keys.length !== script.numberOfKeys) {
      return Promise.reject(new RangeError(`script ${script.name} takes ${script.numberOfKeys} keys`));
    }
    const asked = [keys.length, ...keys, ...parameters];
    return this.#calls.call(async (ask) => {
      try {
        return await ask('evalsha', [shaOf(script), ...asked]);
      } catch (error) {
        // This server does not know the script, so it has not run: another one than before, or its memory was emptied.
        if (!(error instanceof ErrorReply) || error.code !== 'NOSCRIPT') throw error;
        return ask('eval', [script.lua, ...asked]);
      }
    });
  }

  async close(): Promise<void> {
    await this.#calls.close();
    await this.#presence.close();
  }
}

const shas = new WeakMap<RedisScript, string>();

/** What Redis calls a script. */
function shaOf(script: RedisScript): string {
  let sha = shas.get(script);
  if (sha === undefined) {
    sha = createHash('sha1').update(script.lua).digest('hex');
    shas.set(script, sha);
  }
  return sha;
}

/** A Cluster's nodes would be connected to by their first command, which would then wait for that. */
async function connectMasters(client: Client): Promise<void> {
  if (!(client instanceof Cluster)) return;
  await Promise.all(client.nodes('master').map(connectNode));
}

async function connectNode(node: Redis): Promise<void> {
  if (node.status === 'wait' && node.options.readOnly !== true) await node.connect().catch(() => {});
}
