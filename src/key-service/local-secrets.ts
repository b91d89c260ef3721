import {
  closeSync,
  fstatSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { Secret } from '../core/secret.ts';
import type { PepperSet } from './peppers.ts';

/** What a process that has both roles needs and the configuration leaves out. */
export interface LocalSecrets {
  readonly serviceToken: Secret;
  readonly adminToken: Secret;
  readonly peppers: PepperSet;
}

const SECRET_BYTES = 32;
const OTHERS = 0o077;

/**
 * Reads the secrets kept in `path`, or makes them. A file that is there is never written to. Throws, naming the path
 * and what to do, where others may read it or it is damaged: with new secrets every key would be unknown.
 */
export function loadLocalSecrets(path: string, randomBytes: (size: number) => Uint8Array): LocalSecrets {
  return readSecrets(path) ?? makeSecrets(path, randomBytes);
}

function readSecrets(path: string): LocalSecrets | null {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw new Error(`cannot read ${path}: ${codeOf(error)}`, { cause: error });
  }
  try {
    const { mode } = fstatSync(file);
    if (process.platform !== 'win32' && (mode & OTHERS) !== 0) {
      throw new Error(`${path} holds secrets and others may read or write it; run: chmod 600 ${path}`);
    }
    return parseSecrets(path, readFileSync(file, 'utf8'));
  } finally {
    closeSync(file);
  }
}

function parseSecrets(path: string, text: string): LocalSecrets {
  const damaged = new Error(
    `${path} is damaged; restore it from a backup. Without its pepper, keys already made are unknown, so delete it only together with the key store`,
  );
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // Its message would repeat parts of the file.
    throw damaged;
  }
  const { serviceToken, adminToken, peppers } = (json ?? {}) as Partial<Record<string, unknown>>;
  const { current, ...secrets } = (peppers ?? {}) as Partial<Record<string, unknown>>;
  if (!isSecret(serviceToken) || !isSecret(adminToken) || !isSecret(current)) throw damaged;
  const read = new Map<string, Secret>();
  for (const [id, secret] of Object.entries(secrets)) {
    if (!isSecret(secret)) throw damaged;
    read.set(id, new Secret(secret));
  }
  if (!read.has(current)) throw damaged;
  return {
    serviceToken: new Secret(serviceToken),
    adminToken: new Secret(adminToken),
    peppers: { current, secrets: read },
  };
}

function isSecret(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

/**
 * Written beside the file and linked to its name when complete: a start that dies half-way leaves no half file, and
 * of two starts at the same time the second finds the name taken and reads what the first made.
 */
function makeSecrets(path: string, randomBytes: (size: number) => Uint8Array): LocalSecrets {
  const random = () => Buffer.from(randomBytes(SECRET_BYTES)).toString('base64url');
  const made = { serviceToken: random(), adminToken: random(), peppers: { current: 'p1', p1: random() } };
  const draft = `${path}.${process.pid}.${random().slice(0, 8)}`;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  try {
    writeDraft(draft, `${JSON.stringify(made, null, 2)}\n`);
    linkSync(draft, path);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST')
      throw new Error(`cannot write ${path}: ${codeOf(error)}`, { cause: error });
  } finally {
    unlinkIfThere(draft);
  }
  const secrets = readSecrets(path);
  if (secrets === null) throw new Error(`${path} was deleted while it was made`);
  return secrets;
}

function writeDraft(path: string, text: string): void {
  const file = openSync(path, 'wx', 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function unlinkIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown error';
}
