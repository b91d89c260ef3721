import { PROFILES } from '../core/profile.ts';
import type { Tiers } from '../config/config.ts';
import type { Metrics } from '../runtime/metrics.ts';
import { LIMIT_RESULTS, type LimitResult } from './pipeline.ts';
import { OTHER_TIER } from './policy.ts';

/** The decisions on limits by tier. Every one on every tier that a key can have exists from the first scrape on. */
export class TierMetrics {
  readonly #metrics: Metrics;
  readonly #algorithm: string;
  readonly #counters = new Map<string, Map<LimitResult, { inc(): void }>>();

  constructor(metrics: Metrics, algorithm: string) {
    this.#metrics = metrics;
    this.#algorithm = algorithm;
  }

  /** The tiers there are from now on; the series of others go. */
  adopt(tiers: Tiers): void {
    const labels = new Set(
      PROFILES.flatMap((profile) =>
        [...tiers[profile].keys(), OTHER_TIER].map((name) => `${profile}/${name}`),
      ),
    );
    for (const label of this.#counters.keys()) if (!labels.has(label)) this.#drop(label);
    for (const label of labels) if (!this.#counters.has(label)) this.#add(label);
  }

  count(label: string, result: LimitResult): void {
    this.#counters.get(label)?.get(result)?.inc();
  }

  #add(label: string): void {
    const children = LIMIT_RESULTS.map((result) => {
      const child = this.#metrics.limitDecisions.labels(label, result, this.#algorithm);
      child.inc(0);
      return [result, child] as const;
    });
    this.#counters.set(label, new Map(children));
  }

  #drop(label: string): void {
    this.#counters.delete(label);
    for (const result of LIMIT_RESULTS) this.#metrics.limitDecisions.remove(label, result, this.#algorithm);
  }
}
