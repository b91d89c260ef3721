import { METHODS } from 'node:http';
import { holdsUnremovable } from '../../core/authorized-headers.ts';
import { deny, type Denial } from '../../core/decision.ts';
import {
  AUTHORIZE_PATH,
  readOriginal,
  WEBSOCKET,
  type AskingRequest,
  type OriginalRequest,
} from '../../core/original-request.ts';
import { plainAddress } from '../address.ts';
import type { Place } from '../routes.ts';
import type { ForwardAuthSettings } from './settings.ts';

/** Where a proxy that keeps nothing but a header of a refusal has it rendered. */
export const REFUSAL_PATH = '/refusal';

/** What is asked at the second door: about a request of a client, or nothing that is answered. */
export type Asked =
  | { readonly kind: 'original'; readonly original: OriginalRequest; readonly address: string }
  | { readonly kind: 'refused'; readonly denial: Denial<Place> };

/** Of an original method the same are read as of a request to the gate itself. */
const KNOWN_METHODS: ReadonlySet<string> = new Set(METHODS);

/** Reads what a request to the second door asks. Of a peer that is not trusted nothing is believed, and nothing read. */
export function readAsked(
  peer: string,
  asking: AskingRequest,
  settings: ForwardAuthSettings,
  assertionHeader: string | null,
): Asked {
  const { denyAs, family, trusted } = settings;
  if (!trusted.trusts(peer)) return refused('untrusted_proxy');
  if (asking.url === REFUSAL_PATH && denyAs === 403) {
    return refused('unclear_original_request', 'the refusal to be rendered is forged, too old or none');
  }
  if (!isAuthorize(asking.url)) return refused('no_route', 'only /authorize and /refusal are answered here');
  const original = readOriginal(family, asking);
  if ('problem' in original) return refused('unclear_original_request', original.problem);
  if (!KNOWN_METHODS.has(original.method)) {
    return refused('malformed_request', 'the original method is none that HTTP knows');
  }
  if (holdsUnremovable(asking.head.raw, assertionHeader)) {
    return refused('malformed_request', 'there is a header that the proxy has to take off and has not');
  }
  if (original.upgrade !== null && original.upgrade !== WEBSOCKET) {
    return refused('malformed_request', 'an upgrade to something else than a WebSocket');
  }
  const address = original.address ?? trusted.clientAddress(peer, asking.head);
  return { kind: 'original', original, address: plainAddress(address) };
}

function isAuthorize(url: string): boolean {
  const next = url.startsWith(AUTHORIZE_PATH) ? url.charAt(AUTHORIZE_PATH.length) : null;
  return next === '' || next === '/' || next === '?';
}

function refused(reason: Denial<Place>['reason'], detail?: string): Asked {
  return { kind: 'refused', denial: deny(reason, {}, detail === undefined ? {} : { detail }) };
}
