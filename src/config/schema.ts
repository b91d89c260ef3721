import * as z from 'zod';
import { KEY_PREFIXES } from '../core/key-shape.ts';
import { LOG_LEVELS } from './config.ts';
import { consoleSchema } from './console-schema.ts';
import { boundsSchema, metricsSchema, tlsSchema, upstreamTlsSchema } from './door-schema.ts';
import {
  duration,
  filePath,
  limit,
  limitOrOff,
  listenHost,
  matching,
  NAME_PATTERN,
  network,
  port,
  text,
  token,
  wholeNumber,
} from './fields.ts';
import { FORWARD_AUTH_LISTEN, forwardAuthSchema } from './forward-auth-schema.ts';
import { identitySchema } from './identity-schema.ts';
import { peppers, store, tokens } from './key-service-fields.ts';
import { redisSchema } from './redis-schema.ts';
import { routeSchema } from './route-schema.ts';
import { tracingSchema } from './tracing-schema.ts';
import { parseUpstreamUrl } from './upstream-url.ts';

/** Where servers listen unless the file says otherwise. */
export const LISTEN = {
  admin: { host: '127.0.0.1', port: 9090 },
  proxy: { host: '0.0.0.0', port: 8080 },
  forwardAuth: FORWARD_AUTH_LISTEN,
  keyService: { host: '127.0.0.1', port: 8081 },
} as const;

const HOST = 'Address the server listens on';
const PORT = 'TCP port the server listens on; 0: any free one';

const admin = z.strictObject({
  host: listenHost.prefault(LISTEN.admin.host).describe(`${HOST}; never the one of the traffic.`),
  port: port.prefault(LISTEN.admin.port).describe(`${PORT}.`),
  token: token
    .optional()
    .describe(
      'Bearer token for /config, /members and /decisions off loopback; absent: they answer on loopback only.',
    ),
});

const prefix = (profile: keyof typeof KEY_PREFIXES) =>
  matching({
    title: 'key prefix',
    allowed: 'a key prefix of 1 to 32 letters, digits, "_" and "-"',
    pattern: '^[A-Za-z0-9_-]{1,32}$',
  })
    .prefault(KEY_PREFIXES[profile])
    .describe(`Prefix of keys of the profile ${profile}.`);

const prefixes = z.strictObject({
  plexe: prefix('plexe'),
  plextera: prefix('plextera'),
  plexmcp: prefix('plexmcp'),
  standard: prefix('standard'),
});

const keyServiceUrl = text(
  {
    title: 'URL',
    allowed: 'an http or https URL without credentials, query and fragment, such as http://key-service:8081',
    pattern: '^https?://.+$',
  },
  parseUpstreamUrl,
);

const service = z.strictObject({
  url: keyServiceUrl.describe('Origin of the key service, with a base path where it has one.'),
  token: token.describe('Token presented to it: one of its `serviceToken`.'),
});

const FENCE_MS = { least: 100, most: 2000 };
/** The key service keeps changes for 15 minutes; who has gone on without it must find them there. */
const STALE_IF_ERROR_MAX_MS = 600_000;

const keys = z.strictObject({
  service: service
    .optional()
    .describe(
      'The key service of another process; absent: keys come from `file`, or from the keyService of this file.',
    ),
  file: filePath
    .optional()
    .describe(
      'File of owners and keys with their digests, read anew when it changes; absent: keys come from a key service.',
    ),
  cacheSize: wholeNumber({ title: 'number', from: 1, to: 10_000_000 })
    .prefault(100_000)
    .describe('Number of keys the gate remembers; the least recently used is forgotten first.'),
  freshFor: duration({ minMs: 0 })
    .prefault('10s')
    .describe(
      'How long what is known of a key is used without asking again; after that a key in use is asked for in the background, a hundred keys a second at most, while renewals tell of no change, and waited for where the key service offers no renewals.',
    ),
  staleIfError: duration({ minMs: 0, maxMs: STALE_IF_ERROR_MAX_MS })
    .prefault('60s')
    .describe(
      'How long the gate goes on with the key service away while Redis confirms that nothing has changed; 0s, or no redis: not at all.',
    ),
  negativeFor: duration({ minMs: 0 })
    .prefault('5s')
    .describe('How long it is remembered that a key is unknown.'),
  fence: duration({ minMs: FENCE_MS.least, maxMs: FENCE_MS.most })
    .prefault('2s')
    .describe(
      'How long what is known may be used without a renewal; the key service grants a time of its own, which this can only shorten.',
    ),
  checksum: z
    .enum(['require', 'ignore'])
    .prefault('require')
    .describe('Whether a key of our own shape with a wrong checksum is refused without a lookup.'),
  prefixes: prefixes.prefault({}).describe('What keys of our own shape start with, by profile.'),
});

const limits = z.strictObject({
  mode: z
    .enum(['leased', 'exact'])
    .prefault('leased')
    .describe(
      'How replicas share limits through redis: `leased` draws units ahead, a few at a time, `exact` asks for every request; without redis both are kept in memory, for one replica.',
    ),
  whenRedisIsDown: z
    .enum(['share', 'open', 'closed'])
    .prefault('share')
    .describe(
      'What holds while Redis is away: `share` gives each replica its part of every limit, `open` lifts the limits, `closed` refuses what is limited with 503.',
    ),
});

const TIER = 'unlimited, or a list of limits such as [100/minute]';
const TIERS = 'a mapping of tier names, such as { basic: [100/minute], enterprise: unlimited }';

const tier = z.union([z.literal('unlimited'), z.array(limit).min(1, TIER)], { error: TIER });

const tiersOf = (profile: string, defaults: Record<string, 'unlimited' | string[]>) =>
  z
    .record(
      z
        .string()
        .regex(new RegExp(NAME_PATTERN), 'a name of letters, digits, "_" and "-" that starts with a letter'),
      tier,
      { error: TIERS },
    )
    .refine((tiers) => Object.keys(tiers).length > 0, TIERS)
    .prefault(defaults)
    .describe(
      `Limits of each tier of ${profile}, \`unlimited\` or a list that holds together; a tier that is not named here counts as the first.`,
    );

const tiers = z.strictObject({
  plexe: tiersOf('plexe', { basic: ['100/minute'], pro: ['500/minute'], enterprise: 'unlimited' }),
  plextera: tiersOf('plextera', { default: 'unlimited' }),
  plexmcp: tiersOf('plexmcp', {
    free: ['10/second'],
    pro: ['100/second'],
    team: ['1000/second'],
    enterprise: 'unlimited',
  }),
  standard: tiersOf('standard', { default: 'unlimited' }),
});

const timeouts = z.strictObject({
  header: duration({ minMs: 1 }).prefault('15s').describe("Time for a request's headers to arrive."),
  bodyIdle: duration({ minMs: 1 })
    .prefault('60s')
    .describe('Longest pause within a body, in either direction.'),
  connect: duration({ minMs: 1 }).prefault('2s').describe('Time to connect to the upstream.'),
  firstByte: duration({ minMs: 1 })
    .prefault('60s')
    .describe("Time from the end of the request until the upstream's answer begins."),
  idle: duration({ minMs: 1 }).prefault('120s').describe('How long an unused client connection stays open.'),
});

const drain = z.strictObject({
  delay: duration({ minMs: 0 })
    .prefault('5s')
    .describe('How long the gate keeps accepting after SIGTERM, while it already says that it is not ready.'),
  timeout: duration({ minMs: 0 })
    .prefault('25s')
    .describe('How long requests in flight may take after that.'),
});

const proxy = z.strictObject({
  host: listenHost.prefault(LISTEN.proxy.host).describe(`${HOST}.`),
  port: port.prefault(LISTEN.proxy.port).describe(`${PORT}.`),
  tls: tlsSchema
    .optional()
    .describe('Certificate of the traffic port, read anew when its files change; absent: no TLS.'),
  upstreamTls: upstreamTlsSchema
    .optional()
    .describe('Whom upstreams of https are vouched for by; absent: the public authorities that Node knows.'),
  trustedProxies: z
    .array(network, { error: 'a list of networks such as [10.0.0.0/8]' })
    .prefault([])
    .describe('Networks whose X-Forwarded-For and related headers are believed.'),
  keys: keys.prefault({}).describe('How keys are looked up and remembered.'),
  limits: limits.prefault({}).describe('How limits are kept.'),
  failedAuthentication: limitOrOff
    .prefault('10/15m')
    .describe(
      'Failed authentications a client address may make before lookups are slowed down; `off`: any number.',
    ),
  tiers: tiers
    .prefault({})
    .describe('Limits by tier, for each profile; a profile that is not named here keeps its defaults.'),
  timeouts: timeouts.prefault({}).describe('How long the gate waits.'),
  identity: identitySchema
    .optional()
    .describe('How upstreams are told in a signed assertion who is calling; absent: in headers alone.'),
  bounds: boundsSchema.prefault({}).describe('How much is let in at once.'),
  metrics: metricsSchema.prefault({}).describe('What is counted beyond what always is.'),
  drain: drain.prefault({}).describe('How the gate stops.'),
  routes: z
    .array(routeSchema, { error: 'a list of routes' })
    .min(1, 'a list of at least one route')
    .describe('What is served; a request that no route matches is 404.'),
});

const keyService = z.strictObject({
  host: listenHost.prefault(LISTEN.keyService.host).describe(`${HOST}.`),
  port: port.prefault(LISTEN.keyService.port).describe(`${PORT}.`),
  store: store
    .prefault('sqlite:data/plexgate.db')
    .describe(
      'Where keys are kept: `sqlite:` with the file of an embedded database, or the URL of a PostgreSQL database, which several processes may share.',
    ),
  serviceToken: tokens
    .optional()
    .describe(
      'Token that gates present, or a list while it rotates; absent, where the store is a file: made at first start, kept in secrets.json beside it.',
    ),
  adminToken: tokens
    .optional()
    .describe(
      'Token for the admin API, or a list while it rotates; absent, where the store is a file: made at first start, kept in secrets.json beside it.',
    ),
  peppers: peppers
    .optional()
    .describe(
      'Secrets of the HMAC-SHA256 over key digests at rest; absent, where the store is a file: one is made at first start, kept in secrets.json beside it.',
    ),
  console: consoleSchema
    .optional()
    .describe('The web console, or `off`; absent: it is there where `host` is a loopback address.'),
});

const log = z.strictObject({
  level: z.enum(LOG_LEVELS).prefault('info').describe('Least level that is logged.'),
});

/** The file as a whole. Its input is what people write, its output what `configOf` reads. */
export const configSchema = z.strictObject({
  admin: admin.prefault({}).describe('The port of operators: health, metrics, the configuration in force.'),
  redis: redisSchema
    .optional()
    .describe(
      'What replicas share: limits, answers about keys, news of changes; absent: limits are in memory, for one replica.',
    ),
  proxy: proxy.optional().describe('The gate; absent: this process is none.'),
  forwardAuth: forwardAuthSchema
    .optional()
    .describe(
      'A second door of the gate, for proxies that forward by themselves: they ask it for a decision by the same routes and limits; absent: there is none.',
    ),
  keyService: keyService.optional().describe('The key service; absent: this process holds no keys.'),
  log: log.prefault({}).describe('The log on standard output.'),
  tracing: tracingSchema
    .optional()
    .describe('Where spans of requests are sent to; absent: nothing is traced.'),
});

export type ParsedFile = z.output<typeof configSchema>;
export type ParsedRoute = z.output<typeof routeSchema>;
