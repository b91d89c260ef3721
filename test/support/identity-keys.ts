import { createPublicKey, generateKeyPairSync, randomBytes, type KeyPairKeyObjectResult } from 'node:crypto';
import { calculateJwkThumbprint } from 'jose';

/** A key that signs assertions, made for the test. */
export interface IdentityKey {
  /** PEM of the private key. */
  readonly text: string;
  /** PEM of its public half. */
  readonly publicText: string;
  readonly kid: string;
}

export async function newIdentityKey(): Promise<IdentityKey> {
  const text = privatePem(generateKeyPairSync('ed25519'));
  const published = createPublicKey(text);
  return {
    text,
    publicText: published.export({ type: 'spki', format: 'pem' }) as string,
    kid: await calculateJwkThumbprint(published.export({ format: 'jwk' })),
  };
}

export function privatePem({ privateKey }: KeyPairKeyObjectResult): string {
  return privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
}

export const newSharedSecret = (): string => randomBytes(32).toString('hex');
