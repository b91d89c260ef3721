import { hash } from 'node:crypto';
import * as z from 'zod';
import type { KeyRecord, Owner } from '../../core/key.ts';
import type { Digest } from '../../core/secret.ts';
import { checkText, readText, unreadable, type FileText } from '../checked-text.ts';
import type { Mistake } from '../mistake.ts';
import { digest, keyFields, ownerFields, refusedKey } from './fields.ts';
import { ownersAreThere, repeated } from './list-checks.ts';

/** A key as the file has it: all of its record but what only time tells. */
export interface FileKey extends Omit<KeyRecord, 'createdAt' | 'revokedAt' | 'deprecatedAt'> {
  readonly revoked: boolean;
}

export type FileKeys = ReadonlyMap<Digest, FileKey>;

export type ReadKeysFile =
  | { readonly kind: 'keys'; readonly keys: FileKeys }
  | { readonly kind: 'mistakes'; readonly mistakes: readonly Mistake[] };

const owner = z.strictObject(ownerFields);
const key = z.strictObject({
  sha256: digest,
  ...keyFields,
  key: refusedKey('its digest as sha256, which `plexgate keys hash` prints'),
});

const keysFileSchema = z.strictObject({
  owners: z.array(owner, { error: 'a list of owners' }),
  keys: z.array(key, { error: 'a list of keys' }),
});

const FORM = {
  holds: 'a mapping with owners and keys',
  sources: null,
  maxBytes: 1_000_000,
  maxValues: 100_000,
};

/** The owners and keys of the file at `path`, or every mistake in it. Never throws. */
export function loadKeysFile(path: string): ReadKeysFile {
  return parseKeysFile(readText(path), path);
}

/** The same of a text already read. */
export function parseKeysFile(read: FileText, fileName: string): ReadKeysFile {
  if (read.kind === 'unreadable') return { kind: 'mistakes', mistakes: [unreadable(fileName, read.why)] };
  const checked = checkText(read.text, fileName, FORM, keysFileSchema, (tree) => [
    ...repeated(tree, ['owners'], 'id'),
    ...repeated(tree, ['keys'], 'sha256'),
    ...repeated(tree, ['keys'], 'key_id'),
    ...ownersAreThere(tree),
  ]);
  return checked.kind === 'mistakes' ? checked : { kind: 'keys', keys: keysOf(checked.value) };
}

function keysOf(file: z.output<typeof keysFileSchema>): FileKeys {
  const owners = new Map(file.owners.map((written) => [written.id, ownerOf(written)]));
  return new Map(
    file.keys.map((written) => {
      const { sha256, owner: ownerId, key_id, expires_at, status, key: _, ...rest } = written;
      const found = owners.get(ownerId);
      if (found === undefined) throw new Error('a key without its owner passed the checks');
      const keyId = key_id ?? keyIdOf(sha256);
      const revoked = status === 'revoked';
      return [sha256, { ...rest, keyId, owner: found, expiresAt: expires_at ?? null, revoked }];
    }),
  );
}

function ownerOf({ limits, workspace, ...rest }: z.output<typeof owner>): Owner {
  // A key of Plextera acts in the one workspace it was made in, and nothing else tells which.
  const own = workspace === undefined && rest.profile === 'plextera' ? rest.id : (workspace ?? null);
  return { ...rest, limits: limits ?? null, workspace: own };
}

/** The same in every process and after every reading. A digest of the digest, which itself is shown to nobody. */
function keyIdOf(sha256: Digest): string {
  return `key_${hash('sha256', `plexgate key id ${sha256}`, 'hex').slice(0, 22)}`;
}
