import * as z from 'zod';
import { ACCESS_MODES } from '../core/permission.ts';
import { PROFILES, SCHEMES } from '../core/profile.ts';
import type { UpstreamConfig } from './config.ts';
import {
  credentialHeader,
  flag,
  headerSecret,
  matchHost,
  method,
  nonEmptyText,
  routePath,
  rulePath,
  schemeToken,
  text,
} from './fields.ts';
import { audience } from './identity-schema.ts';
import { parseUpstreamUrl } from './upstream-url.ts';

const accept = z
  .array(z.enum(SCHEMES), { error: `a list of ${SCHEMES.join(', ')}` })
  .min(1, `a list of at least one of ${SCHEMES.join(', ')}`);
const auth = z.enum(['required', 'none']);
const access = z.enum(ACCESS_MODES);

const match = z.strictObject({
  host: matchHost
    .optional()
    .describe('Host of the request, compared without port and case; absent: every host.'),
  path: routePath
    .prefault('/')
    .describe('Prefix of the path, by whole segments: /plexe matches /plexe and /plexe/models, not /plexex.'),
});

const METHODS = 'a list of at least one method in capitals such as GET or POST';

const rule = z.strictObject({
  path: rulePath.describe(
    'Path as it is forwarded, after stripPath and before a base path of the upstream: `*` stands for one segment, a last `**` for everything below.',
  ),
  methods: z
    .array(method, { error: METHODS })
    .min(1, METHODS)
    .optional()
    .describe('Methods the rule is for; absent: all.'),
  auth: auth
    .optional()
    .describe(
      '`none` opens the path: no key, no limit; `required` closes it again; absent: as the route says.',
    ),
  access: access.optional().describe('What a request needs, as in the route; absent: as the route says.'),
  accept: accept.optional().describe('Accepted header formats, as in the route; absent: as the route says.'),
});

const UPSTREAM =
  'key-service, echo, or an http or https URL without credentials, query and fragment, such as http://127.0.0.1:3000';

const upstreamText = text(
  {
    title: 'URL, `key-service` or `echo`',
    allowed: UPSTREAM,
    pattern: '^(key-service|echo|https?://.+)$',
  },
  readUpstream,
);

function readUpstream(written: string): UpstreamConfig | null {
  if (written === 'echo' || written === 'key-service') return { kind: written };
  const url = parseUpstreamUrl(written);
  return url === null ? null : { kind: 'http', origins: [url.origin], basePath: url.basePath };
}

const UPSTREAMS = 'a list of URLs that differ and have one base path';

/** Several are several of one service: each can do what any other can. */
const upstreamList = z
  .array(upstreamText)
  .min(1, UPSTREAMS)
  .refine((list) => new Set(list.map(textOf)).size === list.length, UPSTREAMS)
  .refine((list) => list.length <= 1 || new Set(list.map(basePathOf)).size === 1, UPSTREAMS)
  .transform((list): UpstreamConfig => {
    const [first = z.NEVER] = list;
    if (first.kind !== 'http') return first;
    return { ...first, origins: list.flatMap((one) => (one.kind === 'http' ? one.origins : [])) };
  });

function textOf(one: UpstreamConfig): string {
  return one.kind === 'http' ? one.origins.join() : one.kind;
}

/** Another one for each kind that has no base path, so that those stand alone. */
function basePathOf(one: UpstreamConfig): string {
  return one.kind === 'http' ? one.basePath : one.kind;
}

const upstream = z.union([upstreamText, upstreamList], { error: UPSTREAM });

const credential = z.union(
  [
    z.enum(['strip', 'keep']),
    z.strictObject({
      header: credentialHeader.describe('Header the upstream expects its credential in.'),
      scheme: schemeToken
        .optional()
        .describe('Word before the credential, such as Bearer; absent: the credential stands alone.'),
      value: headerSecret
        .optional()
        .describe("The upstream's own credential; absent: the client's key in this format."),
    }),
  ],
  { error: 'strip, keep, or a mapping of header, scheme, value' },
);

export const routeSchema = z.strictObject({
  match: match
    .prefault({})
    .describe(
      'Which requests take the route; one with a host goes before those without, then the longest path wins.',
    ),
  stripPath: flag
    .prefault(false)
    .describe('Whether the prefix of `match.path` is cut off before the request is forwarded.'),
  profile: z
    .enum(PROFILES)
    .prefault('standard')
    .describe('Which API the route speaks as: accepted header formats and the form of refusals.'),
  accept: accept
    .optional()
    .describe(
      "Header formats a key may come in; absent: the profile's (plexe: bearer, x-api-key; plextera: api-key; plexmcp: apikey, and all but api-key on the MCP endpoint; standard: all four).",
    ),
  schemeCase: z
    .enum(['any', 'strict'])
    .prefault('any')
    .describe('Whether the word before the key (Bearer, ApiKey, api-key) must be spelled letter for letter.'),
  auth: auth
    .prefault('required')
    .describe(
      '`none` opens the route: no key, no limit; identity headers of the client are removed all the same.',
    ),
  access: access
    .prefault('by-method')
    .describe(
      'What a request needs: `by-method` reads for GET, HEAD and OPTIONS and writes otherwise, `read` and `write` hold for every request, `by-mcp-method` trusts the Mcp-Method header where the MCP revision lets it.',
    ),
  rules: z
    .array(rule, { error: 'a list of rules such as [{ path: /health, auth: none }]' })
    .prefault([])
    .describe(
      'Exceptions by path, of which the first that matches holds; a plexmcp route without `accept` ends with one that accepts apikey, x-api-key and bearer on /mcp.',
    ),
  workspace: nonEmptyText
    .optional()
    .describe('Only keys of this workspace pass, others get 403; absent: keys of every workspace.'),
  upstream: upstream.describe(
    'Where requests go: an origin with an optional base path; `key-service` for the management endpoints of a profile, which the key service answers; or `echo`, which answers with what it was sent; the origins of a list take turns, and one that fails is left out for a while.',
  ),
  credential: credential
    .prefault('strip')
    .describe("What becomes of the client's key: removed, kept, or replaced by what the upstream wants."),
  audience,
});
