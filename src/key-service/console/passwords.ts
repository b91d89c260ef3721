import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { Turns } from './turns.ts';

/** Of scrypt: N is 2 to the `logN`. Work and memory of one password are those of 128 * N * r bytes, p times. */
export interface PasswordCost {
  readonly logN: number;
  readonly r: number;
  readonly p: number;
}

/** 32 MiB, thrice; about as long as OWASP asks of a password. */
const COST: PasswordCost = { logN: 15, r: 8, p: 3 };
const SALT_BYTES = 16;
const HASH_BYTES = 32;
const KEPT = /^scrypt\$(\d{1,2})\$(\d{1,2})\$(\d{1,2})\$([A-Za-z0-9_-]+)\$([A-Za-z0-9_-]+)$/;

/** At once, so that attempts to sign in take neither all memory nor all threads; and how many wait for a turn. */
const AT_ONCE = 2;
const WAITING = 32;

export const PASSWORD_LENGTH = { least: 12, most: 256 } as const;

const derive = promisify<string, Buffer, number, { N: number; r: number; p: number; maxmem: number }, Buffer>(
  scrypt,
);

/** Passwords as they are kept: by scrypt, with what it was asked to do beside each. */
export class Passwords {
  readonly #cost: PasswordCost;
  readonly #turns = new Turns(AT_ONCE, WAITING);
  /** What nobody's password matches. */
  readonly #nobodys: string;

  constructor(cost = COST) {
    this.#cost = cost;
    this.#nobodys = keptText(cost, randomBytes(SALT_BYTES), randomBytes(HASH_BYTES));
  }

  /** Rejects with `TooManyWait`. */
  async keep(password: string): Promise<string> {
    const salt = randomBytes(SALT_BYTES);
    return keptText(this.#cost, salt, await this.#derived(password, salt, this.#cost));
  }

  /** Of `null`, where nobody has it, the work is the same and the answer false. Rejects with `TooManyWait`. */
  async matches(password: string, kept: string | null): Promise<boolean> {
    const { cost, salt, hash } = parse(kept ?? this.#nobodys);
    const derived = await this.#derived(password, salt, cost);
    return timingSafeEqual(derived, hash) && kept !== null;
  }

  /** The same letters typed on another keyboard are the same password. */
  #derived(password: string, salt: Buffer, { logN, r, p }: PasswordCost): Promise<Buffer> {
    const [N, maxmem] = [2 ** logN, 2 * 128 * 2 ** logN * r];
    return this.#turns.take(() => derive(password.normalize('NFC'), salt, HASH_BYTES, { N, r, p, maxmem }));
  }
}

function keptText({ logN, r, p }: PasswordCost, salt: Buffer, hash: Buffer): string {
  return ['scrypt', logN, r, p, salt.toString('base64url'), hash.toString('base64url')].join('$');
}

function parse(kept: string): { cost: PasswordCost; salt: Buffer; hash: Buffer } {
  const match = KEPT.exec(kept);
  const [, logN, r, p, salt = '', hash = ''] = match ?? [];
  if (match === null) throw new Error('a password is kept in a form that is not known');
  return {
    cost: { logN: Number(logN), r: Number(r), p: Number(p) },
    salt: Buffer.from(salt, 'base64url'),
    hash: Buffer.from(hash, 'base64url'),
  };
}
