import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { FileWatch, readFiles, type Reading } from './file-watch.ts';
import type { Log } from './log.ts';

/** PEM texts by what they are. */
export type Pems<Part extends string> = Readonly<Record<Part, string>>;

export interface CertificateFilesOptions<Part extends string> {
  /** What the configuration calls them, such as `proxy.tls`. */
  readonly name: string;
  readonly paths: Readonly<Record<Part, string>>;
  readonly log: Log;
  /** Told of each later set that is whole and fits together. */
  readonly onChange: (pems: Pems<Part>) => void;
  /** Told whether the files as they are now are in force. */
  readonly told: (isInForce: boolean) => void;
  /** Told when the first certificate of those in force expires. */
  readonly expires: (at: number) => void;
}

export interface CertificateFiles<Part extends string> {
  readonly pems: Pems<Part>;
  close(): void;
}

/**
 * Certificates, authorities and keys in files, followed while the process runs. They change together or not at all:
 * what does not fit, because one file has changed and the other has not yet, is refused, and the old ones stay.
 * Rejects where they are not usable at the start.
 */
export async function openCertificateFiles<Part extends 'ca' | 'cert' | 'key'>(
  options: CertificateFilesOptions<Part>,
): Promise<CertificateFiles<Part>> {
  const { name, paths, log, onChange, told, expires } = options;
  const first = await readFiles(Object.values(paths));
  const pems = usable(paths, first);
  if (typeof pems === 'string') throw new Error(`${name}: ${pems}`);
  told(true);
  expires(expiryOf(pems));
  let inForce = JSON.stringify(pems);
  const take = (now: Reading): void => {
    const changed = usable(paths, now);
    told(typeof changed !== 'string');
    if (typeof changed === 'string') {
      log.warn({ detail: changed }, `${name} has changed and is not usable; what was read before stays`);
    } else if (JSON.stringify(changed) !== inForce) {
      inForce = JSON.stringify(changed);
      log.info({}, `${name} has changed and is in force`);
      expires(expiryOf(changed));
      onChange(changed);
    }
  };
  const watch = new FileWatch({ first, onChange: take });
  return { pems, close: () => watch.close() };
}

/** The set, or what is wrong with it. */
function usable<Part extends string>(
  paths: Readonly<Record<Part, string>>,
  reading: Reading,
): Pems<Part> | string {
  const pems: Partial<Record<Part, string>> = {};
  for (const [part, path] of Object.entries<string>(paths) as [Part, string][]) {
    const text = reading.get(path) ?? { kind: 'unreadable', why: 'was not read' };
    if (text.kind === 'unreadable') return `${path} ${text.why}`;
    // A context takes anything for an authority, and would then trust none.
    if (part !== 'key' && !isCertificate(text.text)) return `${path} holds no certificate`;
    pems[part] = text.text;
  }
  try {
    createSecureContext(pems);
  } catch {
    return 'certificate and key do not fit together';
  }
  return pems as Pems<Part>;
}

const CERTIFICATE = /-----BEGIN ((?:X509 |TRUSTED )?CERTIFICATE)-----[^-]+-----END \1-----/g;

/** Of a chain the first to expire ends it; of authorities, it tells that the list is to be renewed. */
function expiryOf(pems: Pems<string>): number {
  const certificates = Object.values(pems)
    .flatMap((pem) => pem.match(CERTIFICATE) ?? [])
    .filter(isCertificate);
  return Math.min(...certificates.map((pem) => new X509Certificate(pem).validToDate.getTime()));
}

function isCertificate(text: string): boolean {
  try {
    return new X509Certificate(text).raw.length > 0;
  } catch {
    return false;
  }
}
