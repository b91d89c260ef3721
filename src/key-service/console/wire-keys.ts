/* Keys and owners, as wire.ts has them. */

export type KeyStatus = 'active' | 'revoked' | 'expired';

export interface Pagination {
  readonly total: number;
  readonly limit: number;
  readonly offset: number;
  readonly has_more: boolean;
}

/** All may be left out. Active keys come first, then the newest. */
export interface KeyQuery {
  /** The whole id of a key, or a part of its name. */
  readonly search?: string;
  readonly owner?: string;
  readonly profile?: string;
  readonly status?: KeyStatus;
  readonly workspace?: string;
  /** 1 to 100; 50 */
  readonly limit?: number;
  readonly offset?: number;
}

export interface KeyPage {
  readonly keys: readonly KeyRow[];
  readonly pagination: Pagination;
}

export interface KeyRow {
  readonly key_id: string;
  readonly name: string;
  readonly profile: string;
  readonly permission: string;
  readonly status: KeyStatus;
  readonly owner: OwnerRow;
  /** The key's own, beside those of its owner. */
  readonly limits: readonly string[];
  /** `*`: all MCP servers. */
  readonly mcps: '*' | readonly string[];
  readonly created_at: string;
  /** The id of a key, the email of an operator, `admin` or `import`. */
  readonly created_by: string;
  readonly expires_at: string | null;
  readonly revoked_at: string | null;
  /** Since when another key is to be used in its place; `expires_at` is then the end of the overlap. */
  readonly deprecated_at: string | null;
  readonly replaced_by: string | null;
  readonly last_used_at: string | null;
  readonly request_count: number;
  /** The ends of the key; null of keys that were imported. */
  readonly key_prefix: string | null;
  readonly key_suffix: string | null;
}

export interface OwnerRow {
  readonly id: string;
  readonly profile: string;
  readonly tier: string;
  readonly enabled: boolean;
  readonly workspace: string | null;
  /** Null: the tier's. */
  readonly limits: readonly string[] | null;
}

export interface OwnerQuery {
  /** What the id begins with. */
  readonly search?: string;
  /** 1 to 100; 50 */
  readonly limit?: number;
  readonly offset?: number;
}

export interface OwnerPage {
  readonly owners: readonly OwnerRow[];
  readonly pagination: Pagination;
}

export interface NewKey {
  /** Where nobody has this id an owner is made, with `tier` (required then) and `workspace`. */
  readonly owner: string;
  readonly name: string;
  readonly profile: string;
  readonly permission: string;
  /** Of an owner that is there it must be the tier it has, or be left out. */
  readonly tier?: string;
  readonly workspace?: string;
  readonly expires_at?: string | null;
  readonly limits?: readonly string[];
}

/** `key` is the key itself. It is in this answer and nowhere else, ever again. */
export interface CreatedKey {
  readonly key: string;
  readonly row: KeyRow;
}

export interface Rotate {
  /** How long the old key goes on: `0s` to `30d`, such as `1h`. */
  readonly overlap: string;
}

export interface RotatedKey extends CreatedKey {
  /** The old key, with its end. */
  readonly old: KeyRow;
}

/** How far a revocation has got among the gates. */
export interface Revocation {
  readonly key_id: string;
  readonly revoked_at: string;
  /** `certain`: no gate accepts the key in a request that begins from now on. */
  readonly state: 'spreading' | 'certain';
  /** Where it is not certain: when it will be, if nobody else confirms. */
  readonly certain_at: string | null;
  readonly members: number;
  readonly acked: number;
  readonly fenced: number;
  /** Gates cut off or gone, that use nothing older any more; and those that are waited for. */
  readonly fenced_members: readonly string[];
  readonly waiting_members: readonly string[];
}

export interface UsageQuery {
  /** Left out: 7 days before `to`. */
  readonly from?: string;
  /** Left out: now. */
  readonly to?: string;
  /** Left out: `hour`. */
  readonly by?: 'hour' | 'day';
}

export interface KeyUsage {
  readonly from: string;
  readonly to: string;
  readonly by: 'hour' | 'day';
  /** One for every hour or day of the range, those without requests too. */
  readonly points: readonly { readonly at: string; readonly requests: number; readonly errors: number }[];
  readonly by_route: readonly {
    readonly route: string;
    readonly requests: number;
    readonly errors: number;
  }[];
  /** `2xx` and so on. */
  readonly by_status: readonly { readonly status: string; readonly requests: number }[];
}
