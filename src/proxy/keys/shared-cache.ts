import type { Clock } from '../../core/clock.ts';
import { objectOf, textUpTo, wholeNumber } from '../../core/json-fields.ts';
import type { KeyRecord } from '../../core/key.ts';
import type { Seal } from '../../core/seal.ts';
import type { Digest } from '../../core/secret.ts';
import { recordFromJson, recordToJson } from '../../core/wire-json.ts';
import type { RedisConnection, RedisScript } from '../../runtime/redis/redis.ts';
import type { Answer, Knowledge } from './knowledge.ts';
import { ageOf, before, momentOf } from './moment.ts';

export type SharedAnswer =
  | { readonly kind: 'hit'; readonly answer: Answer }
  /** Nothing there of this epoch: the key service is to be asked, by this process if by any. */
  | { readonly kind: 'miss' }
  /** What stands there was not written by a holder of the service token, or not for this key. */
  | { readonly kind: 'forged' }
  | { readonly kind: 'error' };

export interface SharedCacheOptions {
  readonly redis: RedisConnection;
  readonly seal: Seal;
  readonly knowledge: Knowledge;
  readonly clock: Clock;
  /** The name of this process. */
  readonly member: string;
  /** How long a record stays. */
  readonly keepMs: number;
}

/** As long as the key service keeps its changes: of an older record it can seldom be said whether it still holds. */
export const SHARED_FOR_MS = 15 * 60_000;
/** How long one process asks the key service for all, and how long the others wait for it. */
const CLAIM_MS = 500;
const WAIT_MS = 200;
const POLL_MS = 20;
const FORM_VERSION = 1;

const FIND: RedisScript = {
  name: 'findRecord',
  numberOfKeys: 2,
  lua: `
local record = redis.call('GET', KEYS[1])
if record then return {record, redis.call('PTTL', KEYS[1])} end
if redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
if redis.call('GET', KEYS[2]) == ARGV[1] then return 1 end
return 0`,
};

const SETTLE: RedisScript = {
  name: 'settleRecord',
  numberOfKeys: 2,
  lua: `
if ARGV[2] ~= '' then redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
if redis.call('GET', KEYS[2]) == ARGV[1] then redis.call('DEL', KEYS[2]) end
return 1`,
};

interface Body {
  readonly version: number;
  readonly epoch: string;
  readonly digest: string;
  readonly asOf: number;
  /** What a record is given from before its question on, so that what is left tells its age by Redis' clock alone. */
  readonly keepMs: number;
  readonly record: KeyRecord;
}

const readBody = objectOf<Body>({
  version: ['version', wholeNumber(FORM_VERSION, FORM_VERSION)],
  epoch: ['epoch', textUpTo(128)],
  digest: ['digest', textUpTo(64)],
  asOf: ['as_of', wholeNumber(0)],
  keepMs: ['keep', wholeNumber(0)],
  record: ['record', recordFromJson],
});

/**
 * Key records that the gates share in Redis: what the key service has said to one of them, under a seal over epoch,
 * digest, `asOf` and record. Readers judge them like any other answer, so that one written late does no harm. Only
 * keys that are there are kept. Of the gates that miss a record at one time, one asks the key service.
 */
export class SharedCache {
  readonly #options: SharedCacheOptions;

  constructor(options: SharedCacheOptions) {
    this.#options = options;
  }

  /** Never rejects. Waits a little where another gate is asking. */
  async find(digest: Digest): Promise<SharedAnswer> {
    const { redis, knowledge, clock, member } = this.#options;
    if (!redis.isUp || knowledge.epoch === null) return { kind: 'miss' };
    const until = clock.monotonic() + WAIT_MS;
    try {
      for (;;) {
        const { generation } = knowledge;
        const askedAt = momentOf(clock);
        const reply = await redis.run(FIND, namesOf(digest), [member, CLAIM_MS]);
        if (Array.isArray(reply)) {
          const [text, leftMs]: unknown[] = reply;
          const opened = this.#open(digest, String(text));
          if (typeof opened === 'string') return { kind: opened };
          const { record, asOf, keepMs } = opened;
          const ageMs = keepMs - Math.min(Number(leftMs), keepMs);
          const from = { askedAt: before(askedAt, ageMs), firstHand: false, generation };
          return { kind: 'hit', answer: { digest, record, asOf, ...from, currentAt: -1 } };
        }
        if (reply !== 0 || clock.monotonic() >= until) return { kind: 'miss' };
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
    } catch {
      return { kind: 'error' };
    }
  }

  /** What came of the question that this process has asked; null: nothing that can be shared. Does not wait. */
  settle(digest: Digest, answer: Answer | null): void {
    const { redis, member, keepMs, knowledge, clock } = this.#options;
    if (!redis.isUp || knowledge.epoch === null) return;
    const leftMs = answer === null ? 0 : Math.floor(keepMs - ageOf(answer.askedAt, clock));
    const text = answer === null || leftMs <= 0 ? '' : this.#seal(answer);
    // Whoever misses it asks for itself.
    redis.run(SETTLE, namesOf(digest), [member, text, leftMs]).catch(() => undefined);
  }

  #seal({ digest, record, asOf, generation }: Answer): string {
    const { seal, knowledge, keepMs } = this.#options;
    if (record === null || generation !== knowledge.generation) return '';
    const { epoch } = knowledge;
    const fields = { version: FORM_VERSION, epoch, digest, as_of: asOf, keep: keepMs };
    const body = JSON.stringify({ ...fields, record: recordToJson(record) });
    return `${seal.macOf('record', body)}\n${body}`;
  }

  #open(digest: Digest, text: string): Body | 'forged' | 'miss' {
    const { seal, knowledge } = this.#options;
    const end = text.indexOf('\n');
    const sealed = text.slice(end + 1);
    if (!seal.isGenuine('record', sealed, text.slice(0, Math.max(0, end)))) return 'forged';
    let body: Body;
    try {
      body = readBody(JSON.parse(sealed), '');
    } catch {
      return 'forged';
    }
    if (body.digest !== digest) return 'forged';
    return body.epoch === knowledge.epoch ? body : 'miss';
  }
}

function namesOf(digest: Digest): [record: string, claim: string] {
  return [`plexgate:key:{${digest}}`, `plexgate:asked:{${digest}}`];
}
