import type { Makers } from './metrics.ts';

/** From a millisecond to longer than any fence. */
const REVOCATION_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60];
const COMMAND_BUCKETS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25];

/** What the key service has to tell of its gates. */
export function fleetMetrics({ counter, gauge, histogram }: Makers) {
  return {
    revocations: counter('revocations_total', 'Revocations by how they were answered', ['result']),
    revocationDuration: histogram(
      'revocation_duration_seconds',
      'From the call that revokes to its answer',
      [],
      REVOCATION_BUCKETS,
    ),
    revocationMembers: gauge('revocation_members', 'Gates that a revocation waits for'),
    memberRenewals: counter('revocation_member_renewals_total', 'Renewals of gates'),
    headsForged: counter(
      'revocation_heads_forged_total',
      'Heads found in Redis that no holder of the service token had written',
    ),
  };
}

/** Of what a gate asks while it decides. */
export function breakerMetrics({ gauge }: Makers) {
  return {
    breakerOpen: gauge(
      'breaker_open',
      '1 while nobody waits for the dependency: the key service is silent, or this connection to Redis is down',
      ['dependency'],
    ),
  };
}

/** Of the connections to Redis, by what they are for. */
export function redisMetrics({ counter, gauge, histogram }: Makers) {
  return {
    redisUp: gauge('redis_up', '1 where the connection is there', ['connection']),
    redisCommands: counter('redis_commands_total', 'Calls to Redis by their result', [
      'connection',
      'result',
    ]),
    redisCommandDuration: histogram(
      'redis_command_duration_seconds',
      'Time Redis took to answer, or until its deadline',
      ['connection'],
      COMMAND_BUCKETS,
    ),
  };
}
