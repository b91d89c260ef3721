import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { FileText } from '../config/checked-text.ts';
import { FileWatch, readFileText } from './file-watch.ts';
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
  const parts = Object.keys(paths) as Part[];
  const texts = new Map<Part, FileText>();
  for (const part of parts) texts.set(part, await readFileText(paths[part]));
  const pems = usable(options, texts);
  if (typeof pems === 'string') throw new Error(`${name}: ${pems}`);
  told(true);
  expires(expiryOf(pems));
  let inForce = JSON.stringify(pems);
  // All of them, since those that were swapped together are to be taken together.
  const take = async (): Promise<void> => {
    for (const part of parts) texts.set(part, await readFileText(paths[part]));
    const changed = usable(options, texts);
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
  const watches = parts.map((part) => {
    const first = texts.get(part) ?? { kind: 'unreadable', why: 'it was not read' };
    return new FileWatch({ path: paths[part], first, onChange: take });
  });
  return { pems, close: () => watches.forEach((watch) => watch.close()) };
}

/** The set, or what is wrong with it. */
function usable<Part extends string>(
  { paths }: Pick<CertificateFilesOptions<Part>, 'paths'>,
  texts: ReadonlyMap<Part, FileText>,
): Pems<Part> | string {
  const pems: Partial<Record<Part, string>> = {};
  for (const [part, text] of texts) {
    if (text.kind === 'unreadable') return `${paths[part]} ${text.why}`;
    // A context takes anything for an authority, and would then trust none.
    if (part !== 'key' && !isCertificate(text.text)) return `${paths[part]} holds no certificate`;
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
