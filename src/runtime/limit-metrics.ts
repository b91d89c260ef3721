import type { Makers } from './metrics.ts';

const CALL_BUCKETS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25];

export function limitMetrics({ counter, gauge, histogram }: Makers) {
  return {
    limitDecisions: counter('ratelimit_decisions_total', 'Limit decisions', ['tier', 'result', 'algorithm']),
    limitStoreCalls: counter('ratelimit_store_calls_total', 'Calls to the books in Redis', [
      'operation',
      'result',
    ]),
    limitStoreDuration: histogram(
      'ratelimit_store_duration_seconds',
      'Time a call to the books in Redis took',
      ['operation'],
      CALL_BUCKETS,
    ),
    leasedUnits: gauge('ratelimit_lease_tokens', 'Units this process has on lease'),
    limitExceptions: counter(
      'limit_exceptions_total',
      'Times at which more than a limit may have passed: limits were off while Redis was away (open), its clock stepped forward (clock_step), or a member that may have spent died with its books (unreported)',
      ['kind'],
    ),
  };
}
