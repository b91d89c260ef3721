import type { Clock } from '../../core/clock.ts';
import type { RedisConnection } from '../../runtime/redis/redis.ts';
import type { Timers } from '../../runtime/timers.ts';
import type { RedisTimes } from './redis-times.ts';

export interface MembersOptions {
  /** Unique over all processes that ever share limits. */
  readonly id: string;
  /** Who starts under the same name takes the place of one that is dead. */
  readonly name: string;
  readonly redis: RedisConnection;
  readonly times: RedisTimes;
  readonly clock: Clock;
  readonly timers: Timers;
  /** Puts into the books what they do not know of this member's spending; false where they could not be reached. */
  readonly tell: () => Promise<boolean>;
  /** Told when members that might have spent units in lost books did not come back in time to say so. */
  readonly unreported: () => void;
}
