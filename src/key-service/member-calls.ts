import type { Call } from './call.ts';
import type { FleetView } from './fleet/members.ts';
import type { KeyService } from './keys.ts';

/** Who the gates are, and how far behind each of them is. */
export function memberCalls(service: KeyService): readonly Call[] {
  return [
    {
      method: 'GET',
      path: '/admin/v1/members',
      door: 'admin',
      answer: async () => ({ status: 200, body: fleetToJson(await service.members()) }),
    },
  ];
}

/** Durations are whole milliseconds. */
export function fleetToJson({ epoch, head, redisRun, redisSettled, members }: FleetView): object {
  return {
    epoch,
    head,
    redis_run: redisRun,
    redis_settled: redisSettled,
    members: members.map(({ id, applied, lag, staleIfErrorMs, seenAgoMs }) => ({
      member_id: id,
      applied,
      lag,
      stale_if_error: staleIfErrorMs,
      seen_ago: Math.round(seenAgoMs),
    })),
  };
}
