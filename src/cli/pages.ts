import { jsonOf, type Json } from './table.ts';
import type { Session } from './session.ts';

/** What one call answers at most. */
const PAGE_SIZE = 500;

export type Listed =
  | {
      readonly kind: 'listed';
      readonly body: Json;
      readonly entries: readonly Json[];
      readonly total: number;
    }
  | { readonly kind: 'failed' };

/**
 * Pages through `path` until `max` entries or the end. The body is one page in the API's own form. An entry that moves
 * to the next page, because another was made meanwhile, is listed once.
 */
export async function listAll(
  session: Session,
  { path, field, id, filters, max }: { path: string; field: string; id: string; filters: Json; max: number },
): Promise<Listed> {
  const found = new Map<unknown, Json>();
  let total = 0;
  for (let offset = 0; found.size < max;) {
    const query = new URLSearchParams({
      limit: String(Math.min(PAGE_SIZE, max - found.size)),
      offset: String(offset),
    });
    for (const [name, value] of Object.entries(filters)) {
      if (typeof value === 'string') query.set(name, value);
    }
    const page = await session.call({ method: 'GET', path: `${path}?${query.toString()}` }, 200);
    if (page.kind === 'failed') return page;
    const listed = page.body[field];
    const entries = Array.isArray(listed) ? listed.map(jsonOf) : [];
    for (const entry of entries) found.set(entry[id] ?? entry, entry);
    const pagination = jsonOf(page.body['pagination']);
    total = Number(pagination['total'] ?? found.size);
    offset += entries.length;
    if (entries.length === 0 || pagination['has_more'] !== true) break;
  }
  const entries = [...found.values()];
  const pagination = { total, limit: max, offset: 0, has_more: entries.length < total };
  return { kind: 'listed', body: { [field]: entries, pagination }, entries, total };
}
