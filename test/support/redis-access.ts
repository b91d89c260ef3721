import { randomBytes } from 'node:crypto';
import type { RedisConfig } from '../../src/config/config.ts';
import { Secret } from '../../src/core/secret.ts';

/** Redis as a test has started it, however many servers it is. */
export interface RedisService {
  /** What a process needs to connect to it. */
  readonly config: RedisConfig;
  /** A command as administrator on each server that holds data. */
  everywhere(...command: readonly string[]): Promise<void>;
  /** Ends it for good; may be called again. */
  stop(): Promise<void>;
}

/** The user that the program logs in as where it is not the default one. */
export const USER = 'plexgate';

export function newPassword(): Secret {
  return new Secret(randomBytes(12).toString('hex'));
}

/** The line of redis.conf that makes the user, with rights as in `ACL SETUSER`. */
export function userLine(password: Secret, rights: readonly string[]): string {
  return `user ${USER} on >${password.reveal()} ${rights.join(' ')}`;
}
