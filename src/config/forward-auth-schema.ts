import * as z from 'zod';
import { ORIGINAL_FAMILIES } from '../core/original-request.ts';
import { listenHost, network, port, token } from './fields.ts';

export const FORWARD_AUTH_LISTEN = { host: '127.0.0.1', port: 8082 } as const;

const NETWORKS = 'a list of at least one network such as [10.0.0.0/8]';
const DENY_AS = 'status, 403';

/** The second door: a decision for a proxy that forwards by itself. */
export const forwardAuthSchema = z.strictObject({
  host: listenHost
    .prefault(FORWARD_AUTH_LISTEN.host)
    .describe('Address the server listens on; only proxies should reach it.'),
  port: port
    .prefault(FORWARD_AUTH_LISTEN.port)
    .describe('TCP port the server listens on, apart from the one of the traffic; 0: any free one.'),
  trustedProxies: z
    .array(network, { error: NETWORKS })
    .min(1, NETWORKS)
    .prefault(['127.0.0.0/8', '::1'])
    .describe('Networks of the proxies that may ask; whoever else asks is refused with 403.'),
  headers: z
    .enum(ORIGINAL_FAMILIES)
    .describe(
      "The one family of headers in which the proxy says what it was asked: `x-original` (nginx, HAProxy), `x-forwarded` (Caddy, Traefik), or `envoy`, which asks with the original method and Host below /authorize; those of the other families are a client's own and not read.",
    ),
  denyAs: z
    .union([z.literal('status'), z.literal(403)], { error: DENY_AS })
    .prefault('status')
    .describe(
      'How refusals are told: `status` with their own status; `403`, for nginx, which knows only 401 and 403, as a 403 with the status in X-Auth-Status and the whole answer, signed, in X-Auth-Refusal, which /refusal renders.',
    ),
  refusalSecret: token
    .optional()
    .describe(
      'What refusals are signed with, the same for all replicas; absent: the service token, or, where there is no key service, a secret of this process, whose refusals no other replica renders.',
    ),
});
