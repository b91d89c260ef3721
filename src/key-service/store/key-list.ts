import { sql, type Kysely } from 'kysely';
import type { NameSearch } from './name-search.ts';
import { filteredKeys, keysWithOwners } from './queries.ts';
import { KEY_COLUMNS, keyFromRow } from './rows.ts';
import type { StoreSchema } from './schema.ts';
import type { KeyFilter, Page, StoredKey } from './store.ts';

/** Few enough to be sorted for one page, or to be passed over on the way to it. */
const FEW = 1000;
/** Filters whose totals are remembered. */
const TOTALS_MAX = 200;

type Db = Kysely<StoreSchema>;
type Part = KeyFilter['status'] | 'ended';

/**
 * A page of the keys, active ones first and then the newest first, without reading every key there is. Indexes have
 * the keys by age, but none can have the active ones first, because which these are changes with the time of day: so
 * active and ended keys are two lists, one after the other. A list that is long is read from the nearer end. A name
 * says nothing of the place in that order: few matches are gathered and sorted, and of many the next is never far.
 *
 * `db` MUST be a transaction of one snapshot, for several questions are asked of it.
 */
export async function listKeys(
  db: Db,
  filter: KeyFilter,
  page: Page,
  names: NameSearch,
  totals: Totals,
): Promise<{ readonly keys: readonly StoredKey[]; readonly total: number }> {
  if (filter.name !== null && filter.ownerId === null && names.finds(filter.name)) {
    const ids = await names.first(db, filter.name, FEW + 1);
    if (ids.length === 0) return { keys: [], total: 0 };
    if (ids.length <= FEW) return sortedPage(db, filter, page, ids);
  }
  const sizes = new Sizes(db, filter, names, totals);
  const total = await sizes.of(filter.status);
  const keys: StoredKey[] = [];
  let { offset } = page;
  let before = 0;
  for (const part of filter.status === null ? (['active', 'ended'] as const) : [filter.status]) {
    const limit = page.limit - keys.length;
    const isNear = offset <= FEW;
    if (isNear) keys.push(...(await pageOf(db, filter, part, { limit, offset })));
    if (keys.length === page.limit) break;
    const size = part === 'ended' ? total - before : part === filter.status ? total : await sizes.of(part);
    if (!isNear) keys.push(...(await farPage(db, filter, part, { limit, offset }, size)));
    offset = Math.max(0, offset - size);
    before += size;
  }
  return { keys, total };
}

async function sortedPage(db: Db, filter: KeyFilter, page: Page, ids: readonly string[]) {
  const matching = filteredKeys(db, filter).where('keys.key_id', 'in', ids);
  const ended = sql`case when revoked_at is null and (expires_at is null or expires_at > ${filter.now}) then 0 else 1 end`;
  const rows = await keysWithOwners(db)
    .select(KEY_COLUMNS)
    .where('keys.key_id', 'in', matching.select('keys.key_id'))
    .orderBy(ended)
    .orderBy('keys.created_at', 'desc')
    .orderBy('keys.key_id')
    .limit(page.limit)
    .offset(page.offset)
    .execute();
  const { total } = await matching
    .select((select) => select.fn.countAll<number>().as('total'))
    .executeTakeFirstOrThrow();
  return { keys: rows.map(keyFromRow), total };
}

/** How many keys a filter lets pass, whatever their status, as long as no key or owner has changed. */
export class Totals {
  #head = -1;
  readonly #known = new Map<string, number>();

  /** `db` MUST be a transaction: the head and what is counted are of one moment. */
  async of(db: Db, filter: KeyFilter, count: () => Promise<number>): Promise<number> {
    const { number } = await db.selectFrom('head').select('number').executeTakeFirstOrThrow();
    if (number !== this.#head || this.#known.size >= TOTALS_MAX) this.#known.clear();
    this.#head = number;
    const { name, ownerId, profile, workspace } = filter;
    const about = JSON.stringify([name, ownerId, profile, workspace]);
    const total = this.#known.get(about) ?? (await count());
    if (this.#head === number) this.#known.set(about, total);
    return total;
  }
}

class Sizes {
  readonly #db: Db;
  readonly #filter: KeyFilter;
  readonly #names: NameSearch;
  readonly #totals: Totals;

  constructor(db: Db, filter: KeyFilter, names: NameSearch, totals: Totals) {
    this.#db = db;
    this.#filter = filter;
    this.#names = names;
    this.#totals = totals;
  }

  /** Active keys are counted as those that have not ended, since ended ones have indexes of their own. */
  async of(part: Part): Promise<number> {
    if (part === null) return this.#totals.of(this.#db, this.#filter, () => this.#all());
    if (part !== 'active') return this.#counted(part);
    return (await this.of(null)) - (await this.#counted('revoked')) - (await this.#counted('expired'));
  }

  #all(): Promise<number> {
    const { name, ownerId, profile, workspace } = this.#filter;
    const byNameAlone = ownerId === null && profile === null && workspace === null;
    return name !== null && byNameAlone && this.#names.finds(name)
      ? this.#names.count(this.#db, name)
      : this.#counted(null);
  }

  async #counted(part: Part): Promise<number> {
    const { size } = await filteredKeys(this.#db, this.#filter, part)
      .select((select) => select.fn.countAll<number>().as('size'))
      .executeTakeFirstOrThrow();
    return size;
  }
}

/** The page, counted from the far end where that is nearer. */
async function farPage(
  db: Db,
  filter: KeyFilter,
  part: Part,
  page: Page,
  size: number,
): Promise<StoredKey[]> {
  const limit = Math.min(page.limit, size - page.offset);
  if (limit <= 0) return [];
  const after = size - page.offset - limit;
  return after < page.offset
    ? pageOf(db, filter, part, { limit, offset: after }, 'oldest first')
    : pageOf(db, filter, part, { limit, offset: page.offset });
}

/** Newest first in any case; `read` says from which end limit and offset are counted. */
async function pageOf(
  db: Db,
  filter: KeyFilter,
  part: Part,
  page: Page,
  read: 'newest first' | 'oldest first' = 'newest first',
): Promise<StoredKey[]> {
  const ids = filteredKeys(db, filter, part)
    .select('keys.key_id')
    .orderBy('keys.created_at', read === 'newest first' ? 'desc' : 'asc')
    .orderBy('keys.key_id', read === 'newest first' ? 'asc' : 'desc')
    .limit(page.limit)
    .offset(page.offset);
  const rows = await keysWithOwners(db)
    .select(KEY_COLUMNS)
    .where('keys.key_id', 'in', ids)
    .orderBy('keys.created_at', 'desc')
    .orderBy('keys.key_id')
    .execute();
  return rows.map(keyFromRow);
}
