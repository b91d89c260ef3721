import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** PEM texts. */
export interface Certified {
  readonly cert: string;
  readonly key: string;
}

/** A certificate authority of a test's own, made at run time by openssl: none that is valid lies in the repository. */
export interface Authority {
  /** PEM. */
  readonly certificate: string;
  /** For `localhost` and 127.0.0.1, or for another name alone. */
  issue(name?: string): Certified;
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** `days` is how long it is valid, and what it issues. */
export function makeAuthority(days = 2): Authority {
  const root = inFolder((file) => {
    openssl(
      'req',
      '-x509',
      '-days',
      String(days),
      ...NEW_KEY,
      '-keyout',
      file('key'),
      '-subj',
      '/CN=tests',
      '-out',
      file('cert'),
    );
    return { cert: readFileSync(file('cert'), 'utf8'), key: readFileSync(file('key'), 'utf8') };
  });
  return {
    certificate: root.cert,
    issue: (name) =>
      inFolder((file) => {
        writeFileSync(file('ca.cert'), root.cert);
        writeFileSync(file('ca.key'), root.key);
        const names = name === undefined ? 'DNS:localhost,IP:127.0.0.1' : `DNS:${name}`;
        writeFileSync(file('ext'), `subjectAltName=${names}\n`);
        openssl(
          'req',
          '-new',
          ...NEW_KEY,
          '-keyout',
          file('key'),
          '-subj',
          `/CN=${name ?? 'localhost'}`,
          '-out',
          file('csr'),
        );
        const by = [
          '-CA',
          file('ca.cert'),
          '-CAkey',
          file('ca.key'),
          '-CAcreateserial',
          '-extfile',
          file('ext'),
        ];
        openssl('x509', '-req', '-in', file('csr'), ...by, '-days', String(days), '-out', file('cert'));
        return { cert: readFileSync(file('cert'), 'utf8'), key: readFileSync(file('key'), 'utf8') };
      }),
  };
}

/** An authority and two certificates it vouches for, as files. */
export interface Certificates {
  readonly ca: string;
  /** For 127.0.0.1. */
  readonly server: Certified;
  readonly client: Certified;
  remove(): Promise<void>;
}

export async function makeCertificates(): Promise<Certificates> {
  const authority = makeAuthority();
  const dir = await mkdtemp(join(tmpdir(), 'plexgate-certificates-'));
  const written = async (name: string, text: string): Promise<string> => {
    await writeFile(join(dir, name), text);
    return join(dir, name);
  };
  const files = async (name: string, { cert, key }: Certified): Promise<Certified> => ({
    cert: await written(`${name}.crt`, cert),
    key: await written(`${name}.key`, key),
  });
  return {
    ca: await written('ca.crt', authority.certificate),
    server: await files('server', authority.issue()),
    client: await files('client', authority.issue('client')),
    remove: () => rm(dir, { recursive: true, force: true }),
  };
}

function inFolder<T>(work: (file: (name: string) => string) => T): T {
  const dir = mkdtempSync(join(tmpdir(), 'plexgate-authority-'));
  try {
    return work((name) => join(dir, name));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function openssl(...args: readonly string[]): void {
  execFileSync('openssl', args, { timeout: 10_000, stdio: ['ignore', 'ignore', 'pipe'] });
}
