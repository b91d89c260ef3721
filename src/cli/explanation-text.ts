import { REASONS } from '../core/reasons.ts';
import { instantCell, jsonOf, plainCell, sheet, type Json } from './table.ts';

/** What a gate tells of a request, for people. */
export function decisionText(decision: Json): string {
  const { key_service, redis, upstream } = jsonOf(decision['dependencies']);
  return lines([
    ...common(decision, decision['received_at']),
    ['OUTCOME', `${text(decision['outcome'])} with ${text(decision['status'])}`],
    ...why(decision['reason'], decision['detail']),
    ['TIER', decision['tier']],
    ['LOOKUP', LAYERS[text(decision['layer'])] ?? null],
    ...listOf(decision['limits']).map((limit): Line => ['LIMIT', limitText(limit)]),
    ...Object.entries(jsonOf(decision['headers'])).map(([name, value]): Line => [
      'TOLD',
      `${name}: ${text(value)}`,
    ]),
    ['TIMES', timesText(jsonOf(decision['timings']))],
    ['KEY SERVICE', keyServiceText(key_service)],
    ['REDIS', redisText(jsonOf(redis))],
    ['UPSTREAM', upstreamText(jsonOf(upstream))],
  ]);
}

/** What the audit has of a refused request, or of an action, for people. */
export function auditText(row: Json): string {
  return lines([
    ...common(row, row['at']),
    ['OUTCOME', row['kind'] === 'refusal' ? 'refused, by the audit of the key service' : row['outcome']],
    ['ACTION', row['action']],
    ...why(row['reason'], null),
  ]);
}

type Line = readonly [title: string, value: unknown];

/** Without those of which nothing is known. */
function lines(all: readonly Line[]): string {
  const known = all.filter(([, value]) => plainCell(value, '') !== '');
  return sheet(
    {},
    known.map(([title, value]) => ({ title, cell: () => plainCell(value) })),
  );
}

function common(entry: Json, at: unknown): Line[] {
  return [
    ['REQUEST', entry['request_id']],
    ['AT', typeof at === 'string' ? at : instantCell(at, '')],
    ['WAS', `${text(entry['method'])} ${text(entry['path'])} from ${text(entry['address'])}`],
    ['ROUTE', entry['route']],
    ['KEY ID', entry['key_id']],
    ['OWNER', entry['owner_id']],
  ];
}

function why(reason: unknown, detail: unknown): Line[] {
  const known = Object.entries(REASONS).find(([name]) => name === reason);
  return [
    ['REASON', reason],
    ['MEANS', known?.[1].meaning],
    ['DETAIL', detail],
  ];
}

const LAYERS: Readonly<Record<string, string>> = {
  l1: "answered by the gate's own memory",
  l2: 'answered by Redis',
  origin: 'answered by the key service',
};

function limitText({ name, limit, remaining, reset_after_ms }: Json): string {
  return `${text(name)}: ${text(remaining)} left of ${text(limit)}, the next in ${text(reset_after_ms)} ms`;
}

function timesText({ decision_ms, key_ms, limits_ms, upstream_ms, total_ms }: Json): string {
  const waits = `of which ${text(key_ms)} waiting for the key and ${text(limits_ms)} for limits`;
  const answered = upstream_ms === null ? '' : `, the upstream's answer after ${text(upstream_ms)} ms more`;
  return `decided in ${text(decision_ms)} ms, ${waits}${answered}; ${text(total_ms)} ms in all`;
}

function keyServiceText(state: unknown): string | null {
  const { renewal_age_ms, fence_ms, breaker } = jsonOf(state);
  if (fence_ms === undefined) return null;
  const silent = breaker === 'open' ? '; it was silent, and no lookup waited for it' : '';
  if (renewal_age_ms === null) return `had not been heard of${silent}`;
  const heard = `last heard of ${text(renewal_age_ms)} ms before`;
  return `${heard}; what is known counts for ${text(fence_ms)} ms without it${silent}`;
}

function redisText({ keys, limits }: Json): string | null {
  const parts = [
    keys === null ? null : `for keys ${text(keys)}`,
    limits === null ? null : `for limits ${text(limits)}`,
  ];
  return parts.filter((part) => part !== null).join(', ');
}

function upstreamText({ origin, error }: Json): string | null {
  if (origin === undefined) return null;
  return error === null ? text(origin) : `${text(origin)}, failed: ${text(error)}`;
}

function text(value: unknown): string {
  return plainCell(value);
}

function listOf(value: unknown): Json[] {
  return Array.isArray(value) ? value.map(jsonOf) : [];
}
