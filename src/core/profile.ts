/**
 * A profile says how a route speaks: which header formats it accepts, in which dialect it refuses, which
 * limits its tiers name. `plexe`, `plextera` and `plexmcp` are the three documented APIs; `standard` accepts
 * all four formats and refuses with RFC 9457 problem details.
 */
export const PROFILES = ['plexe', 'plextera', 'plexmcp', 'standard'] as const;
export type Profile = (typeof PROFILES)[number];

/** The four places a key may stand in. `x-api-key` is a header of its own, the others are Authorization schemes. */
export const SCHEMES = ['bearer', 'x-api-key', 'api-key', 'apikey'] as const;
export type Scheme = (typeof SCHEMES)[number];

/** The schemes of the Authorization header as their documents spell them; a challenge is written with these. */
export const AUTHORIZATION_SCHEMES = {
  bearer: 'Bearer',
  'api-key': 'api-key',
  apikey: 'ApiKey',
} as const satisfies Partial<Record<Scheme, string>>;
export type AuthorizationScheme = keyof typeof AUTHORIZATION_SCHEMES;

/** What each profile accepts unless a route says otherwise. */
export const ACCEPTED_SCHEMES: Record<Profile, readonly Scheme[]> = {
  plexe: ['bearer', 'x-api-key'],
  plextera: ['api-key'],
  plexmcp: ['apikey'],
  standard: SCHEMES,
};

/** PlexMCP's clients send any of these on the MCP endpoint, though its documents name only ApiKey. */
export const MCP_ENDPOINT_SCHEMES: readonly Scheme[] = ['apikey', 'x-api-key', 'bearer'];
