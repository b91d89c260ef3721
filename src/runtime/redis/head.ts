import type { Seal } from '../../core/seal.ts';
import { RedisError, type RedisConnection, type RedisScript } from './redis.ts';
import { listIn, senseless, textIn } from './reply.ts';
import { openHead, sealHead, type EpochHead } from './sealed-head.ts';

export const HEAD_NAME = 'plexgate:head';

/**
 * What stands in Redis, and in which process of Redis: another one may have lost what this one was told, and so may the
 * same one that was a replica meanwhile, which its replication id tells.
 */
export interface Witnessed {
  readonly run: string;
  /** Null: nothing, or nothing that a holder of the service token has written. */
  readonly head: EpochHead | null;
}

/**
 * The number of the newest change, kept in Redis as witness that nothing has changed while the key service is away.
 * Within an epoch it never goes down.
 */
export class RedisHead {
  readonly #redis: RedisConnection;
  readonly #seal: Seal;
  readonly #forged: () => void;

  /** `forged` hears of every value found that no holder of the service token has written. */
  constructor(redis: RedisConnection, seal: Seal, forged: () => void = () => {}) {
    this.#redis = redis;
    this.#seal = seal;
    this.#forged = forged;
  }

  async read(): Promise<Witnessed> {
    const { run, text } = await this.#look();
    return { run, head: this.#open(text) };
  }

  /**
   * Afterwards there is a head of this epoch that is at least this number: the one found, or this one, which replaces
   * what is lower, forged, or of another epoch.
   */
  async raise(epoch: string, number: number): Promise<Witnessed & { readonly head: EpochHead }> {
    const wanted = { epoch, number };
    const sealed = sealHead(this.#seal, 'head', wanted);
    let found = await this.#look();
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const head = this.#open(found.text);
      if (head !== null && head.epoch === epoch && head.number >= number) return { run: found.run, head };
      found = await this.#replace(found.mark, sealed);
    }
    throw new RedisError('unknown', 'others kept writing the head');
  }

  #open(text: string | null): EpochHead | null {
    if (text === null) return null;
    const head = openHead(this.#seal, 'head', text);
    if (head === null) this.#forged();
    return head;
  }

  async #look(): Promise<Found> {
    return foundIn(await this.#redis.run(READ, [HEAD_NAME], []));
  }

  async #replace(mark: string, text: string): Promise<Found> {
    return foundIn(await this.#redis.run(REPLACE, [HEAD_NAME], [mark, text]));
  }
}

/** One to write, one to see it there, and some for other processes that raise it at the same time. */
const ATTEMPTS = 10;

interface Found {
  readonly run: string;
  /** Null: nothing. */
  readonly text: string | null;
  /** Stands for exactly what was found, whatever bytes they are. */
  readonly mark: string;
}

function foundIn(reply: unknown): Found {
  const [run, text, mark] = listIn(reply, textIn);
  if (run === undefined || text === undefined || mark === undefined) throw senseless();
  return { run, text: mark === '' ? null : text, mark };
}

/**
 * Value and run id in one script are of one process, as those of two calls need not be. What is longer than any head,
 * or no text at all, is not worth telling apart.
 */
const FIND = `
local function find()
  local text = redis.pcall('GETRANGE', KEYS[1], 0, 2048)
  if type(text) == 'table' or #text > 2048 then return '', 'other' end
  if text == '' then return '', '' end
  return text, redis.sha1hex(text)
end
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
  .. '.' .. string.match(redis.call('INFO', 'replication'), 'master_replid:(%w+)')
local text, mark = find()
`;

const READ: RedisScript = {
  name: 'readHead',
  numberOfKeys: 1,
  lua: `${FIND}
return {run, text, mark}`,
};

/** Writes only where what the caller has found still stands. */
const REPLACE: RedisScript = {
  name: 'replaceHead',
  numberOfKeys: 1,
  lua: `${FIND}
if mark == ARGV[1] then
  redis.call('SET', KEYS[1], ARGV[2])
  text, mark = find()
end
return {run, text, mark}`,
};
