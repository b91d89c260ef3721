import type { ProxyConfig } from '../config/config.ts';
import type { KeyRecord, Owner } from '../core/key.ts';
import { ratesOf, type StatedLimit } from '../core/limit.ts';
import { named } from '../core/rate-limit-fields.ts';
import type { Spending } from './limiter/limiter.ts';
import type { SlotClaim } from './limiter/slots/slots.ts';

/** What a tier is called in metrics that the configuration does not name. */
export const OTHER_TIER = 'other';

/** What a request spends, and occupies while it is under way: of the owner, then of the key. */
export interface Cost {
  readonly spendings: readonly Spending[];
  readonly claims: readonly SlotClaim[];
}

export interface Policy extends Cost {
  /** What it would cost if shadow limits held; null where there are none. */
  readonly shadow: Cost | null;
  /** What a 403 spends: an allowance of the tier's size, apart from the tier. */
  readonly forbidden: readonly Spending[];
  /** Label for metrics, from the configuration only: `plexe/basic`, or `plexe/other`. */
  readonly tierLabel: string;
}

/**
 * Which limits hold for a key: the owner's own, else those of the owner's tier, and beside them the key's own.
 * A tier name the configuration does not know falls back to the profile's first tier.
 */
export class Policies {
  #config: ProxyConfig;
  /**
   * Records and owners are immutable and cached, so what is derived from one is kept as long as it is. Keys without
   * limits of their own have what their owner has.
   */
  #known = new WeakMap<KeyRecord | Owner, Policy>();

  constructor(config: ProxyConfig) {
    this.#config = config;
  }

  /**
   * From now on the tiers of `config` hold, also for requests under way that have spent nothing yet. A book that went
   * back and forth between old limits and new ones could forget what it has counted.
   */
  adopt(config: ProxyConfig): void {
    this.#config = config;
    this.#known = new WeakMap();
  }

  of(key: KeyRecord): Policy {
    const whose = key.limits.length === 0 ? key.owner : key;
    let policy = this.#known.get(whose);
    if (policy === undefined) {
      policy = this.#derive(key);
      this.#known.set(whose, policy);
    }
    return policy;
  }

  #derive(key: KeyRecord): Policy {
    const { owner } = key;
    const tiers = this.#config.tiers[owner.profile];
    const known = tiers.has(owner.tier);
    const tierLabel = `${owner.profile}/${known ? owner.tier : OTHER_TIER}`;
    if (owner.profile === 'plexmcp' && this.#config.plexmcpSelfHosted) {
      return { spendings: [], claims: [], shadow: null, forbidden: [], tierLabel };
    }
    const tier = tiers.get(owner.tier) ?? tiers.values().next().value ?? [];
    const ownersLimits = owner.limits ?? tier;
    const shadow = costOf(key, ownersLimits, true);
    return {
      ...costOf(key, ownersLimits, false),
      shadow: shadow.spendings.length + shadow.claims.length === 0 ? null : shadow,
      forbidden: spendingOf('owner', owner.id, owner.id, heldOf(ownersLimits, false)),
      tierLabel,
    };
  }
}

function costOf(
  { keyId, limits, owner }: KeyRecord,
  ownersLimits: readonly StatedLimit[],
  shadow: boolean,
): Cost {
  const owners = heldOf(ownersLimits, shadow);
  const keys = heldOf(limits, shadow);
  const mark = shadow ? 'shadow:' : '';
  return {
    spendings: [
      ...spendingOf('owner', owner.id, owner.id, owners, mark),
      ...spendingOf('key', keyId, owner.id, keys, mark),
    ],
    claims: [
      ...claimOf(`${mark}owner:${owner.id}`, owner.id, owners),
      ...claimOf(`${mark}key:${keyId}`, owner.id, keys),
    ],
  };
}

function heldOf(limits: readonly StatedLimit[], shadow: boolean): StatedLimit[] {
  return limits.filter((limit) => (limit.shadow === true) === shadow);
}

function claimOf(partition: string, owner: string, limits: readonly StatedLimit[]): SlotClaim[] {
  const slots = Math.min(...limits.map((limit) => ('concurrent' in limit ? limit.concurrent : Infinity)));
  return Number.isFinite(slots) ? [{ partition, owner, slots }] : [];
}

function spendingOf(
  whose: 'owner' | 'key',
  id: string,
  owner: string,
  stated: readonly StatedLimit[],
  mark = '',
): Spending[] {
  const limits = ratesOf(stated);
  // Of two limits over one window only the smaller can ever refuse; of two that are the same, one is enough.
  const smallest = limits.filter((limit, i) =>
    limits.every(
      (other, j) =>
        other.windowMs !== limit.windowMs ||
        other.quota > limit.quota ||
        (other.quota === limit.quota && j >= i),
    ),
  );
  return smallest.length === 0
    ? []
    : [{ partition: `${mark}${whose}:${id}`, owner, limits: named(whose, smallest) }];
}
