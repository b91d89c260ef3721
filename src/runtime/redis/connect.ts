import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Cluster, type Redis } from 'ioredis';
import type { RedisConfig } from '../../config/config.ts';
import type { Log } from '../log.ts';
import { Calls, ErrorReply, type CommandEvents } from './calls.ts';
import { createClient, readTls, type Client } from './client.ts';
import { Presence, type PresenceEvents } from './presence.ts';
import type { RedisConnection, RedisScript } from './redis.ts';

export interface RedisOpening {
  /** What the connection is for; servers list it under this name, and the log does. */
  readonly purpose: string;
  /** How long a call may take, whatever it needs to send. */
  readonly deadlineMs: number;
  readonly events: PresenceEvents & CommandEvents;
  readonly log: Pick<Log, 'info' | 'warn'>;
}

/** How long an opening waits for the servers before it leaves connecting to the background. */
const PATIENCE_MS = 1000;

/**
 * Connects, and stays connected: a connection that is lost, or that answers nothing, is made anew, at first at once and
 * then at most every 0.8 s. Rejects only for a configuration that cannot work; where Redis is away, the connection is
 * there, is not up, and every call is refused at once.
 */
export async function openRedis(config: RedisConfig, opening: RedisOpening): Promise<RedisConnection> {
  const client = createClient(config, `plexgate-${opening.purpose}`, await readTls(config));
  const connection = new Connection(client, opening);
  await connection.open();
  return connection;
}

class Connection implements RedisConnection {
  readonly #client: Client;
  readonly #calls: Calls;
  readonly #presence: Presence;

  constructor(client: Client, { purpose, deadlineMs, events, log }: RedisOpening) {
    this.#client = client;
    this.#calls = new Calls(client, deadlineMs, events);
    this.#presence = new Presence(client, purpose, events, log);
    if (client instanceof Cluster) connectMastersOf(client);
  }

  async open(): Promise<void> {
    const opened = this.#presence.connect().then(async () => {
      if (this.#client instanceof Cluster) await Promise.all(this.#client.nodes('master').map(connectNode));
    });
    await Promise.race([opened, sleep(PATIENCE_MS, undefined, { ref: false })]);
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

/** The client would connect to a node by its first command, which would then wait. */
function connectMastersOf(cluster: Cluster): void {
  cluster.on('+node', (node: Redis) => {
    if (!node.options.readOnly && cluster.status !== 'connecting') void connectNode(node);
  });
}

async function connectNode(node: Redis): Promise<void> {
  if (node.status === 'wait') await node.connect().catch(() => {});
}
