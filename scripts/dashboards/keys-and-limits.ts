import { CONFIGURATION } from './configuration.ts';
import type { Dashboard, Row } from './dashboard.ts';
import { percentiles, rate, ratesBy, series, share } from './query.ts';

const ROUTE = 'route=~"$route"';
const TIER = 'tier=~"$tier"';

const AUTHENTICATION: Row = {
  title: 'Authentication',
  panels: [
    {
      title: 'Refused by route',
      description: 'Part of the requests of a route that were refused, for whatever reason.',
      unit: 'percentunit',
      alerts: ['PlexgateAuthDeniedSpike'],
      queries: [
        [share('plexgate_auth_decisions_total', `${ROUTE},result="deny"`, ROUTE, 'route'), '{{route}}'],
      ],
    },
    {
      title: 'Busiest keys',
      description:
        'Requests a second of the keys that have most, where `proxy.metrics.perKey` lets them be told.',
      unit: 'reqps',
      queries: [
        [`topk(10, ${ratesBy('key_id', 'plexgate_key_requests_total')})`, '{{key_id}}'],
        [`sum(${rate('plexgate_key_requests_other_total')})`, 'all others'],
      ],
    },
    {
      title: 'Revocations',
      description:
        'Revocations a second by how they were answered: certain, fenced (both 200), uncertain (202).',
      unit: 'ops',
      alerts: ['PlexgateRevocationUncertain'],
      queries: [[ratesBy('result', 'plexgate_revocations_total'), '{{result}}']],
    },
    {
      title: 'Time of a revocation',
      description: 'From the call that revokes to its answer.',
      unit: 's',
      alerts: ['PlexgateRevocationUncertain'],
      queries: percentiles('plexgate_revocation_duration_seconds'),
    },
    {
      title: 'Changes reach the gates',
      description: 'How long a change may have been there, at most, before a gate knew of it.',
      unit: 's',
      alerts: ['PlexgateRevocationLagHigh'],
      queries: percentiles('plexgate_revocation_lag_seconds'),
    },
    {
      title: 'Changes applied',
      description: 'Changes of keys and owners a second that gates have been told of, once by each.',
      unit: 'ops',
      queries: [[ratesBy('job', 'plexgate_revocation_changes_applied_total'), '{{job}}']],
    },
    {
      title: 'Forgeries',
      description: 'What was found in Redis without the seal of a holder of the service token, a second.',
      unit: 'ops',
      alerts: ['PlexgateRedisForged'],
      queries: [
        [`sum(${rate('plexgate_key_lookups_total', 'result="forged"')})`, 'records'],
        [`sum(${rate('plexgate_witness_readings_total', 'result="forged"')})`, 'heads, by gates'],
        [`sum(${rate('plexgate_revocation_heads_forged_total')})`, 'heads, by the key service'],
        [`sum(${rate('plexgate_revocation_news_total', 'result="forged"')})`, 'messages'],
      ],
    },
  ],
};

const LIMITS: Row = {
  title: 'Limits',
  panels: [
    {
      title: 'Decisions by tier',
      description: 'Decisions on limits a second, by tier and result.',
      unit: 'reqps',
      alerts: ['PlexgateLimitedRatioHigh'],
      queries: [[ratesBy('tier, result', 'plexgate_ratelimit_decisions_total', TIER), '{{tier}} {{result}}']],
    },
    {
      title: 'More than a limit',
      description: 'Times a second at which more than a limit may have passed.',
      unit: 'ops',
      alerts: ['PlexgateFailOpen', 'PlexgateLimitExceptions'],
      queries: [[ratesBy('kind', 'plexgate_limit_exceptions_total'), '{{kind}}']],
    },
    {
      title: 'Calls to the books that fail',
      description: 'Part of the calls to the books of limits in Redis that fail.',
      unit: 'percentunit',
      numberOf: 'PlexgateLimitStoreErrors',
      queries: [
        [share('plexgate_ratelimit_store_calls_total', 'result="error"', '', 'operation'), '{{operation}}'],
      ],
    },
    {
      title: 'Time of the books',
      description: 'How long a call to the books of limits in Redis takes.',
      unit: 's',
      queries: percentiles('plexgate_ratelimit_store_duration_seconds', '', 'operation'),
    },
    {
      title: 'On lease',
      description: 'Units of limits that gates have on lease.',
      unit: 'short',
      queries: [[`sum by (job) (${series('plexgate_ratelimit_lease_tokens')})`, '{{job}}']],
    },
  ],
};

const CACHE: Row = {
  title: 'Cache',
  panels: [
    {
      title: 'Lookups',
      description: 'Key lookups a second by layer: memory (l1), Redis (l2), key service (origin).',
      unit: 'ops',
      queries: [[ratesBy('layer, result', 'plexgate_key_lookups_total'), '{{layer}} {{result}}']],
    },
    {
      title: 'Answered from memory',
      description: 'Part of the lookups in memory that found what they looked for.',
      unit: 'percentunit',
      queries: [
        [share('plexgate_key_lookups_total', 'layer="l1",result=~"hit|negative"', 'layer="l1"'), 'memory'],
      ],
    },
    {
      title: 'Time of a lookup',
      description: 'How long Redis and the key service take to answer a lookup.',
      unit: 's',
      queries: percentiles('plexgate_key_lookup_duration_seconds', '', 'layer'),
    },
    {
      title: 'Lookups saved',
      description: 'Requests a second that joined a lookup under way.',
      unit: 'ops',
      queries: [[ratesBy('job', 'plexgate_key_lookup_coalesced_total'), '{{job}}']],
    },
    {
      title: 'Keys in memory',
      description: 'Keys and unknown keys that gates hold in memory.',
      unit: 'short',
      queries: [[`sum by (job) (${series('plexgate_key_cache_entries')})`, '{{job}}']],
    },
    {
      title: 'Served while the key service is away',
      description: 'Lookups a second answered with what had been known of the key.',
      unit: 'ops',
      alerts: ['PlexgateStaleKeysServed'],
      queries: [[ratesBy('job', 'plexgate_key_stale_served_total'), '{{job}}']],
    },
  ],
};

const KEY_SERVICE: Row['panels'] = [
  {
    title: 'Renewals that fail',
    description: 'Part of the renewals of what gates know of keys that fail.',
    unit: 'percentunit',
    numberOf: 'PlexgateKeyServiceDown',
    queries: [[share('plexgate_renewals_total', 'result="error"'), 'renewals']],
  },
  {
    title: 'Age of what is known',
    description: 'Since the renewal that what the last of the gates knows goes by.',
    unit: 's',
    numberOf: 'PlexgateKnowledgeOld',
    queries: [[`max by (job) (${series('plexgate_knowledge_age_seconds')})`, '{{job}}']],
  },
  {
    title: 'Breakers',
    description: '1 where nobody waits for a dependency, because it is silent or its connection is down.',
    unit: 'short',
    alerts: ['PlexgateKeyServiceDown', 'PlexgateRedisDown'],
    queries: [[`max by (dependency) (${series('plexgate_breaker_open')})`, '{{dependency}}']],
  },
  {
    title: 'Gates of the key service',
    description: 'Gates that a revocation waits for, and renewals of gates a second.',
    unit: 'short',
    queries: [
      [`max by (job) (${series('plexgate_revocation_members')})`, '{{job}} gates'],
      [ratesBy('job', 'plexgate_revocation_member_renewals_total'), '{{job}} renewals'],
    ],
  },
  {
    title: 'Reports',
    description: 'Reports of usage and refusals a second, and requests that are missing from usage.',
    unit: 'ops',
    alerts: ['PlexgateUsageLost'],
    queries: [
      [ratesBy('result', 'plexgate_reports_total'), '{{result}}'],
      [`sum(${rate('plexgate_usage_lost_total')})`, 'requests lost'],
    ],
  },
  {
    title: 'Waiting to be reported',
    description: 'Counts and rows that wait to be reported to the key service.',
    unit: 'short',
    alerts: ['PlexgateUsageLost'],
    queries: [[`sum by (job) (${series('plexgate_report_entries_pending')})`, '{{job}}']],
  },
];

const REDIS: Row['panels'] = [
  {
    title: 'Connections to Redis',
    description: '0 where a connection is away somewhere.',
    unit: 'short',
    numberOf: 'PlexgateRedisDown',
    queries: [[`min by (connection) (${series('plexgate_redis_up')})`, '{{connection}}']],
  },
  {
    title: 'Calls to Redis',
    description: 'Calls to Redis a second by their result.',
    unit: 'ops',
    alerts: ['PlexgateRedisDown'],
    queries: [[ratesBy('connection, result', 'plexgate_redis_commands_total'), '{{connection}} {{result}}']],
  },
  {
    title: 'Time of Redis',
    description: 'How long Redis takes to answer.',
    unit: 's',
    queries: percentiles('plexgate_redis_command_duration_seconds', '', 'connection'),
  },
  {
    title: 'News in Redis',
    description:
      'Messages a second, questions of gates to Redis with the key service away, and gates that hear.',
    unit: 'short',
    alerts: ['PlexgateRevocationChannelDown'],
    queries: [
      [ratesBy('result', 'plexgate_revocation_news_total'), 'messages {{result}}'],
      [ratesBy('result', 'plexgate_witness_readings_total'), 'questions {{result}}'],
      [`sum(${series('plexgate_revocation_channel_up')})`, 'gates that hear'],
    ],
  },
];

const FILES: Row['panels'] = [
  {
    title: 'Certificates',
    description: 'Days until the first certificate expires.',
    unit: 'd',
    numberOf: 'PlexgateCertificateExpiring',
    queries: [
      [
        `(min by (job, files) (${series('plexgate_certificates_expiry_timestamp_seconds')}) - time()) / 86400`,
        '{{job}} {{files}}',
      ],
    ],
  },
  {
    title: 'Files in force',
    description: '0 where certificates or a keys file, as they are now, were refused.',
    unit: 'short',
    numberOf: 'PlexgateCertificatesRefused',
    alerts: ['PlexgateKeysFileRefused'],
    queries: [
      [
        `min by (job, files) (${series('plexgate_certificates_last_reload_successful')})`,
        '{{job}} {{files}}',
      ],
      [`min by (job) (${series('plexgate_keys_file_last_reload_successful')})`, '{{job}} keys file'],
    ],
  },
  {
    title: 'Age of the keys file',
    description: 'Since the keys in force were read from the keys file; the oldest.',
    unit: 's',
    alerts: ['PlexgateKeysFileRefused'],
    queries: [
      [
        `time() - min by (job) (${series('plexgate_keys_file_last_reload_success_timestamp_seconds')})`,
        '{{job}}',
      ],
    ],
  },
];

/** Where to look when keys, limits or what they depend on are not well. */
export const KEYS_AND_LIMITS: Dashboard = {
  title: 'Plexgate: keys, limits and dependencies',
  uid: 'plexgate-keys-and-limits',
  rows: [
    AUTHENTICATION,
    LIMITS,
    CACHE,
    { title: 'Dependencies', panels: [...KEY_SERVICE, ...REDIS, ...FILES] },
    CONFIGURATION,
  ],
};
