import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  export interface ProvidedContext {
    /** A Python 3 that has `requests`. */
    python: string;
    /** A Python 3 that has PyJWT, with what Ed25519 takes. */
    pythonJwt: string;
    curl: string;
  }
}

interface Program {
  readonly name: string;
  /** Tried in this order; the second is Debian's, where the first on PATH is another one. */
  readonly places: readonly string[];
  /** Arguments under which it ends with 0 if it is all that the tests need. */
  readonly proof: readonly string[];
  readonly packages: readonly string[];
}

const PYTHON: Program = {
  name: "Python 3 with its package 'requests'",
  places: ['python3', '/usr/bin/python3'],
  proof: ['-c', 'import requests'],
  packages: ['python3', 'python3-requests'],
};
const PYTHON_JWT: Program = {
  name: "Python 3 with its packages 'jwt' and 'cryptography'",
  places: ['python3', '/usr/bin/python3'],
  proof: ['-c', 'import cryptography, jwt; jwt.PyJWK'],
  packages: ['python3', 'python3-jwt', 'python3-cryptography'],
};
const CURL: Program = {
  name: 'curl',
  places: ['curl', '/usr/bin/curl'],
  proof: ['--version'],
  packages: ['curl'],
};

/** Finds the programs the tests run, once for all of them; what is missing comes from Debian where that is possible. */
export default function findPrograms(project: TestProject): void {
  project.provide('python', find(PYTHON));
  project.provide('pythonJwt', find(PYTHON_JWT));
  project.provide('curl', find(CURL));
}

function find(program: Program): string {
  const found = placeOf(program) ?? placeAfterInstalling(program);
  if (found === null) {
    throw new Error(
      `the tests need ${program.name}; on Debian: apt-get install ${program.packages.join(' ')}`,
    );
  }
  return found;
}

function placeOf({ places, proof }: Program): string | null {
  return places.find((place) => spawnSync(place, proof, { stdio: 'ignore' }).status === 0) ?? null;
}

function placeAfterInstalling(program: Program): string | null {
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return null;
  process.stderr.write(`tests: ${program.name} is missing; installing it from Debian\n`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  spawnSync('apt-get', ['update'], { stdio: 'ignore', env });
  const install = ['install', '-y', '--no-install-recommends', ...program.packages];
  spawnSync('apt-get', install, { stdio: 'ignore', env });
  return placeOf(program);
}
