import { randomBytes } from 'node:crypto';
import type { ForwardAuthConfig } from '../../config/config.ts';
import type { OriginalFamily } from '../../core/original-request.ts';
import { Seal } from '../../core/seal.ts';
import { Secret } from '../../core/secret.ts';
import { TrustedProxies } from '../address.ts';

/** What holds at the second door. */
export interface ForwardAuthSettings {
  readonly family: OriginalFamily;
  readonly trusted: TrustedProxies;
  readonly denyAs: ForwardAuthConfig['denyAs'];
  /** Of refusals that a proxy has rendered later. */
  readonly seal: Seal;
}

/** Of a process that shares a secret with nobody. */
const OWN_SECRET = new Secret(randomBytes(32).toString('hex'));

export function forwardAuthSettings(
  { headers, trustedProxies, denyAs, refusalSecret }: ForwardAuthConfig,
  serviceToken: Secret | null,
): ForwardAuthSettings {
  return {
    family: headers,
    trusted: new TrustedProxies(trustedProxies),
    denyAs,
    seal: new Seal([refusalSecret ?? serviceToken ?? OWN_SECRET]),
  };
}
