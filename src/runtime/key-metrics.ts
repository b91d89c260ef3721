import type { Makers } from './metrics.ts';

/** From a millisecond, as on one machine, to beyond every fence. */
const LAG_BUCKETS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
/** From 50 microseconds: what a lookup in memory of another process may take. */
const LOOKUP_BUCKETS = [
  0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1,
];

/** What a gate tells of its keys: how they are found, and how fresh is what it knows. */
export function keyMetrics({ counter, histogram, watched }: Makers) {
  return {
    lookups: counter('key_lookups_total', 'Key lookups by the layer that was asked', ['layer', 'result']),
    lookupDuration: histogram(
      'key_lookup_duration_seconds',
      'Time the layer took to answer; memory is not timed',
      ['layer'],
      LOOKUP_BUCKETS,
    ),
    lookupsCoalesced: counter('key_lookup_coalesced_total', 'Requests that joined a lookup under way'),
    watchCacheEntries: watched('key_cache_entries', 'Keys and unknown keys held in memory'),
    staleServed: counter(
      'key_stale_served_total',
      'Lookups answered while the key service was away, with what had been known of the key',
    ),
    watchKnowledgeAge: watched(
      'knowledge_age_seconds',
      'Since the renewal that what this gate knows goes by; Inf before the first',
    ),
    renewals: counter('renewals_total', 'Renewals of what this gate knows', ['result']),
    witness: counter(
      'witness_readings_total',
      'Questions to Redis, with the key service away, whether anything changed',
      ['result'],
    ),
    revocationNews: counter('revocation_news_total', 'Messages of the key service heard in Redis', [
      'result',
    ]),
    watchRevocationChannel: watched(
      'revocation_channel_up',
      '1 while messages of the key service can be heard in Redis, 0 while they cannot or there is no Redis',
    ),
    revocationChanges: counter(
      'revocation_changes_applied_total',
      'Changes of keys and owners this gate has been told of',
    ),
    revocationLag: histogram(
      'revocation_lag_seconds',
      'How long a change may have been there, at most, before this gate knew of it',
      [],
      LAG_BUCKETS,
    ),
  };
}
