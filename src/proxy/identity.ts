import type { Permit } from '../core/decision.ts';
import { identityFields } from '../core/forward-headers.ts';
import { drawId } from './draw-id.ts';
import type { Place } from './routes.ts';
import type { Settings } from './settings.ts';

/** The request as its upstream sees it. */
export interface SeenRequest {
  readonly requestId: string;
  readonly method: string;
  /** Path and query; the query is not asserted. */
  readonly target: string;
}

/** Who is calling, for the upstream of a request that may pass: flat, the signed assertion last where there is one. */
export function identityHeaders(permit: Permit<Place>, seen: SeenRequest, settings: Settings): string[] {
  const headers = identityFields(permit.key, seen.requestId);
  const { assertions } = settings;
  const assertion = assertionOf(permit, seen, settings);
  if (assertions !== null && assertion !== null) headers.push(assertions.header, assertion);
  return headers;
}

/** Null where nothing is asserted: without keys to sign with, on routes without an audience, and of nobody. */
function assertionOf(
  { key, route: { route } }: Permit<Place>,
  { requestId, method, target }: SeenRequest,
  { assertions, gate }: Settings,
): string | null {
  const { audience } = route.config;
  if (assertions === null || audience === null || key === null) return null;
  const query = target.indexOf('?');
  const path = query === -1 ? target : target.slice(0, query);
  return assertions.assert({ key, audience, requestId, method, path, id: drawId() }, gate.clock.now());
}
