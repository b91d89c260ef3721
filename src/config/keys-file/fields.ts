import * as z from 'zod';
import { PERMISSIONS } from '../../core/key.ts';
import { PROFILES } from '../../core/profile.ts';
import { parseDigest } from '../../core/secret.ts';
import { flag, limit, text } from '../fields.ts';
import { parseInstant } from '../../core/instant.ts';

/**
 * The fields of owners and keys as a file holds them. What they may be is what the key service's admin API takes, so
 * that a list of keys can move from one to the other.
 */
const ID = /^[A-Za-z0-9._:-]{1,128}$/;

const id = text(
  { title: 'id', allowed: 'a text of 1 to 128 of the characters A-Z a-z 0-9 . _ : -' },
  (written) => (ID.test(written) ? written : null),
);

const CONTROL = /[\p{Cc}\p{Zl}\p{Zp}]/u;
const MAX_NAME_LENGTH = 200;

const name = text(
  { title: 'name', allowed: `a text of 1 to ${MAX_NAME_LENGTH} characters, without control characters` },
  (written) => {
    const fits = written.trim() !== '' && written.length <= MAX_NAME_LENGTH;
    return fits && !CONTROL.test(written) && written.isWellFormed() ? written : null;
  },
);

const instant = text(
  { title: 'instant', allowed: 'an RFC 3339 instant with a zone, such as 2030-01-31T12:00:00Z' },
  parseInstant,
);

/** A secret to whoever reports a mistake: what stands here may be a key that was put in the wrong place. */
export const digest = text(
  { title: 'SHA-256', allowed: 'the SHA-256 of the key as 64 lower-case hex digits', secret: true },
  parseDigest,
);

const LIMITS = 'a list of at most 8 limits such as [100/minute]';
const limits = z.array(limit, { error: LIMITS }).max(8, LIMITS);

const MCPS = "'*', or a list of at most 256 ids";
const mcps = z
  .union([z.literal('*'), z.array(id).max(256, MCPS)], { error: MCPS })
  .transform((written) => (written === '*' ? written : [...new Set(written)]));

export const ownerFields = {
  id,
  profile: z.enum(PROFILES),
  tier: id,
  limits: limits.nullable().optional(),
  enabled: flag.prefault(true),
  workspace: id.nullable().optional(),
};

export const keyFields = {
  key_id: id.optional(),
  owner: id,
  name,
  profile: z.enum(PROFILES),
  permission: z.enum(PERMISSIONS),
  expires_at: instant.nullable().optional(),
  // Whether a key has expired follows from its date alone.
  status: z.enum(['active', 'revoked']).prefault('active'),
  limits: limits.prefault([]),
  mcps: mcps.prefault('*'),
};

/** A field `key` where none may be, so that nobody is told only that it is unknown. */
export function refusedKey(instead: string) {
  return z
    .unknown()
    .refine(() => false, { error: instead, params: { found: 'found a key in clear' } })
    .optional()
    .meta({ refused: true });
}

/** Printable ASCII without what no header format carries: what the gate reads as a key. */
export const CLEAR_KEY = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x7e]{8,512}$/;
