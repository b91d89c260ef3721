import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** An authority and two certificates it vouches for, as PEM files. */
export interface Certificates {
  readonly ca: string;
  /** For 127.0.0.1. */
  readonly server: { readonly cert: string; readonly key: string };
  readonly client: { readonly cert: string; readonly key: string };
  remove(): Promise<void>;
}

/** Made anew each time, by openssl: none that is valid lies in a file of the repository. */
export async function makeCertificates(): Promise<Certificates> {
  const dir = await mkdtemp(join(tmpdir(), 'plexgate-certificates-'));
  const file = (name: string): string => join(dir, name);
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const request = (name: string): string[] => ['-keyout', file(`${name}.key`), '-subj', `/CN=${name}`];
  await openssl('req', '-x509', '-days', '2', ...newKey, ...request('ca'), '-out', file('ca.crt'));
  await writeFile(file('server.ext'), 'subjectAltName=IP:127.0.0.1\n');
  await writeFile(file('client.ext'), 'extendedKeyUsage=clientAuth\n');
  const issue = async (name: 'server' | 'client'): Promise<{ cert: string; key: string }> => {
    await openssl('req', '-new', ...newKey, ...request(name), '-out', file(`${name}.csr`));
    const by = ['-CA', file('ca.crt'), '-CAkey', file('ca.key'), '-extfile', file(`${name}.ext`)];
    const serial = ['-set_serial', name === 'server' ? '1' : '2', '-days', '2'];
    await openssl('x509', '-req', '-in', file(`${name}.csr`), ...by, ...serial, '-out', file(`${name}.crt`));
    return { cert: file(`${name}.crt`), key: file(`${name}.key`) };
  };
  const [server, client] = await Promise.all([issue('server'), issue('client')]);
  return {
    ca: file('ca.crt'),
    server,
    client,
    remove: () => rm(dir, { recursive: true, force: true }),
  };
}

async function openssl(...args: readonly string[]): Promise<void> {
  await promisify(execFile)('openssl', [...args], { timeout: 10_000 });
}
