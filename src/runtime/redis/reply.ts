import { RedisError } from './redis.ts';

/**
 * The reply of a script, whose first element says which of its answers it is. Rejects whatever no script of ours
 * answers: who gives such replies is no Redis, or stands between, and what became of the call nobody knows.
 */
export function replyOf<Kind extends string>(
  reply: unknown,
  kinds: readonly Kind[],
): readonly [kind: Kind, ...unknown[]] {
  if (!Array.isArray(reply)) throw senseless();
  const [first, ...rest]: unknown[] = reply;
  const kind = kinds.find((one) => one === first);
  if (kind === undefined) throw senseless();
  return [kind, ...rest];
}

export function textIn(value: unknown): string {
  if (typeof value !== 'string') throw senseless();
  return value;
}

export function numberIn(value: unknown): number {
  if (typeof value !== 'number') throw senseless();
  return value;
}

export function listIn<Item>(value: unknown, itemOf: (item: unknown) => Item): Item[] {
  if (!Array.isArray(value)) throw senseless();
  return value.map((item: unknown) => itemOf(item));
}

export function senseless(): RedisError {
  return new RedisError('unknown', 'what answered is no Redis, or not the one that was asked');
}
