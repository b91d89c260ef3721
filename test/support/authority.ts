import { generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';

/** A certificate authority of a test's own, made at run time. */
export interface Authority {
  /** PEM. */
  readonly certificate: string;
  /** A certificate for `localhost` and 127.0.0.1, or for another name alone. */
  issue(name?: string): { readonly cert: string; readonly key: string };
}

const ECDSA_WITH_SHA256 = oid([1, 2, 840, 10045, 4, 3, 2]);
const COMMON_NAME = oid([2, 5, 4, 3]);
const BASIC_CONSTRAINTS = oid([2, 5, 29, 19]);
const SUBJECT_ALT_NAME = oid([2, 5, 29, 17]);
const DAY_MS = 86_400_000;

/** Certificates by RFC 5280, of the few parts that a TLS handshake needs. */
export function makeAuthority(): Authority {
  const root = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const isAuthority = extension(BASIC_CONSTRAINTS, sequence(der(0x01, [0xff])));
  const name = `plexgate tests ${randomBytes(4).toString('hex')}`;
  const made = { issuer: name, signer: root.privateKey };
  return {
    certificate: certificate({ ...made, subject: name, of: root.publicKey, extensions: [isAuthority] }),
    issue(host) {
      const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const names =
        host === undefined
          ? [der(0x82, Buffer.from('localhost')), der(0x87, [127, 0, 0, 1])]
          : [der(0x82, Buffer.from(host))];
      const extensions = [extension(SUBJECT_ALT_NAME, sequence(...names))];
      const cert = certificate({ ...made, subject: host ?? 'localhost', of: publicKey, extensions });
      return { cert, key: pem(privateKey) };
    },
  };
}

interface Certified {
  readonly issuer: string;
  readonly signer: KeyObject;
  readonly subject: string;
  readonly of: KeyObject;
  readonly extensions: readonly Buffer[];
}

function certificate({ issuer, signer, subject, of, extensions }: Certified): string {
  const algorithm = sequence(ECDSA_WITH_SHA256);
  const signed = sequence(
    der(0xa0, der(0x02, [2])),
    der(0x02, [1, ...randomBytes(8)]),
    algorithm,
    distinguishedName(issuer),
    sequence(utcTime(Date.now() - DAY_MS), utcTime(Date.now() + DAY_MS)),
    distinguishedName(subject),
    of.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...extensions)),
  );
  const signature = der(0x03, Buffer.concat([Buffer.from([0]), sign('sha256', signed, signer)]));
  const text = sequence(signed, algorithm, signature).toString('base64');
  return `-----BEGIN CERTIFICATE-----\n${text.replace(/.{64}/g, '$&\n').trimEnd()}\n-----END CERTIFICATE-----\n`;
}

function pem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function distinguishedName(name: string): Buffer {
  return sequence(der(0x31, sequence(COMMON_NAME, der(0x0c, Buffer.from(name)))));
}

function extension(id: Buffer, value: Buffer): Buffer {
  return sequence(id, der(0x01, [0xff]), der(0x04, value));
}

/** `YYMMDDhhmmssZ`. */
function utcTime(at: number): Buffer {
  const digits = new Date(at).toISOString().replace(/\D/g, '');
  return der(0x17, Buffer.from(`${digits.slice(2, 14)}Z`));
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts));
}

function der(tag: number, content: Buffer | readonly number[]): Buffer {
  const bytes = Buffer.from(content);
  const size = bytes.length;
  const length = size < 0x80 ? [size] : size < 0x100 ? [0x81, size] : [0x82, size >> 8, size & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), bytes]);
}

function oid([first = 0, second = 0, ...rest]: readonly number[]): Buffer {
  const bytes = [first * 40 + second];
  for (const part of rest) {
    const sevens = [part & 0x7f];
    for (let left = part >> 7; left > 0; left >>= 7) sevens.unshift((left & 0x7f) | 0x80);
    bytes.push(...sevens);
  }
  return der(0x06, bytes);
}
