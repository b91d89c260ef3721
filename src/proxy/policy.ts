import type { ProxyConfig } from '../config/config.ts';
import type { KeyRecord } from '../core/key.ts';
import type { Limit } from '../core/limit.ts';
import { named } from '../core/rate-limit-fields.ts';
import type { Spending } from './limiter/limiter.ts';

/** What a tier is called in metrics that the configuration does not name. */
export const OTHER_TIER = 'other';

export interface Policy {
  /** What a request spends: the owner's limits, then the key's; empty where none hold. */
  readonly spendings: readonly Spending[];
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
  readonly #config: ProxyConfig;
  /** Records are immutable and cached, so what is derived from one is kept as long as it is. */
  readonly #known = new WeakMap<KeyRecord, Policy>();

  constructor(config: ProxyConfig) {
    this.#config = config;
  }

  of(key: KeyRecord): Policy {
    let policy = this.#known.get(key);
    if (policy === undefined) {
      policy = this.#derive(key);
      this.#known.set(key, policy);
    }
    return policy;
  }

  #derive(key: KeyRecord): Policy {
    const { owner } = key;
    const tiers = this.#config.tiers[owner.profile];
    const known = tiers.has(owner.tier);
    const tierLabel = `${owner.profile}/${known ? owner.tier : OTHER_TIER}`;
    if (owner.profile === 'plexmcp' && this.#config.plexmcpSelfHosted) {
      return { spendings: [], forbidden: [], tierLabel };
    }
    const tier = tiers.get(owner.tier) ?? tiers.values().next().value ?? [];
    const ownersLimits = spendingOf('owner', owner.id, owner.id, owner.limits ?? tier);
    return {
      spendings: [...ownersLimits, ...spendingOf('key', key.keyId, owner.id, key.limits)],
      forbidden: ownersLimits,
      tierLabel,
    };
  }
}

function spendingOf(whose: 'owner' | 'key', id: string, owner: string, limits: readonly Limit[]): Spending[] {
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
    : [{ partition: `${whose}:${id}`, owner, limits: named(whose, smallest) }];
}
