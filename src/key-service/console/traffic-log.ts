import type { Clock } from '../../core/clock.ts';
import type { Gauges } from '../../core/gauges.ts';
import { instantText } from '../../core/instant.ts';
import type { History, MemberReport } from '../history.ts';
import { ratesBetween, type Counts, type Rates } from './traffic-rates.ts';
import type { LimitUse, Series, TrafficAnswer, WhatIfAnswer } from './wire-fleet.ts';

/** As often as gates report. */
const STEP_MS = 2000;
const KEPT_MS = 3_600_000;
/** A gate that has not reported for so long is not looked at. */
export const ALIVE_MS = 10_000;
const POINTS_MOST = 300;
const OWNERS_SHOWN = 10;
export const TRAFFIC_SECONDS = { least: 60, most: KEPT_MS / 1000, usual: 900 } as const;

interface Point {
  readonly at: number;
  /** Null: no gate reported. */
  readonly rates: Rates | null;
}

/**
 * What the gates have reported lately, as rates. The store has the newest numbers of each gate alone, so this process
 * remembers what it has seen: an hour at most, from its own start.
 */
export class TrafficLog {
  readonly #history: History;
  readonly #clock: Clock;
  #points: Point[] = [];
  #gauges = new Map<string, Gauges>();
  #latest: readonly MemberReport[] = [];
  #timer: NodeJS.Timeout | null = null;

  constructor(history: History, clock: Clock) {
    this.#history = history;
    this.#clock = clock;
  }

  start(): void {
    let isLooking = false;
    const look = async (): Promise<void> => {
      // A store that is slow is not asked again meanwhile.
      if (isLooking) return;
      isLooking = true;
      await this.look();
      isLooking = false;
    };
    this.#timer = setInterval(() => void look(), STEP_MS).unref();
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
  }

  /** Never rejects: a store that does not answer is a point without numbers. */
  async look(): Promise<void> {
    const at = this.#clock.now();
    const reports = await this.#history.gauges(ALIVE_MS).catch(() => []);
    this.#points.push({ at, rates: ratesBetween(this.#gauges, reports) });
    this.#points = this.#points.filter((point) => point.at > at - KEPT_MS);
    this.#gauges = new Map(reports.map(({ member, gauges }) => [member, gauges]));
    this.#latest = reports;
  }

  answer(seconds: number): TrafficAnswer {
    const { now, stepMs, points } = this.#lately(seconds);
    const isAvailable = points.some(({ rates }) => rates !== null);
    const shown = isAvailable ? points : [];
    return {
      available: isAvailable,
      step_ms: stepMs,
      at: shown.map(({ at }) => instantText(at)),
      outcomes: seriesOf(shown, 'outcomes'),
      reasons: seriesOf(shown, 'reasons'),
      added_ms: seriesOf(shown, 'added'),
      layers: seriesOf(shown, 'layers'),
      owners: isAvailable ? ownersOf(this.#latest) : [],
      now: instantText(now),
    };
  }

  /** Of tiers whose shadow limits would have refused something; none where none has. */
  whatIf(seconds: number): WhatIfAnswer {
    const { now, stepMs, points } = this.#lately(seconds);
    const refused = new Map(seriesOf(points, 'refused').map(({ name, values }) => [name, values]));
    const limits = seriesOf(points, 'wouldRefuse').filter(({ name }) => this.#hasShadow(name));
    return {
      available: limits.length > 0,
      step_ms: stepMs,
      at: limits.length > 0 ? points.map(({ at }) => instantText(at)) : [],
      limits: limits.map(({ name, values }) => ({
        name,
        refused: refused.get(name) ?? values.map(() => null),
        would_refuse: values,
      })),
      now: instantText(now),
    };
  }

  #hasShadow(tier: string): boolean {
    return this.#latest.some(({ gauges }) => (gauges.tiers[tier]?.wouldRefuse ?? 0) > 0);
  }

  #lately(seconds: number): { now: number; stepMs: number; points: readonly Point[] } {
    const now = this.#clock.now();
    const stepMs = STEP_MS * Math.ceil((seconds * 1000) / STEP_MS / POINTS_MOST);
    const wanted = this.#points.filter(({ at }) => at > now - seconds * 1000);
    return { now, stepMs, points: stepsOf(wanted, Math.round(stepMs / STEP_MS)) };
  }
}

/** Several points as one, counted from the newest. */
function stepsOf(points: readonly Point[], size: number): readonly Point[] {
  if (size === 1) return points;
  const steps: Point[] = [];
  for (let end = points.length; end > 0; end -= size) {
    const part = points.slice(Math.max(0, end - size), end);
    const known = part.flatMap(({ rates }) => rates ?? []);
    const mean = (of: (rates: Rates) => Counts): Counts => joined(known.map(of), known.length);
    const rates =
      known.length === 0
        ? null
        : {
            outcomes: mean((one) => one.outcomes),
            reasons: mean((one) => one.reasons),
            layers: mean((one) => one.layers),
            refused: mean((one) => one.refused),
            wouldRefuse: mean((one) => one.wouldRefuse),
            added: largest(known.map((one) => one.added)),
          };
    steps.unshift({ at: part.at(-1)?.at ?? 0, rates });
  }
  return steps;
}

function joined(all: readonly Counts[], parts: number): Counts {
  const total: Record<string, number> = {};
  for (const [name, count] of all.flatMap((counts) => Object.entries(counts)))
    total[name] = (total[name] ?? 0) + count / parts;
  return total;
}

function largest(all: readonly Counts[]): Counts {
  const most: Record<string, number> = {};
  for (const [name, value] of all.flatMap((counts) => Object.entries(counts)))
    most[name] = Math.max(most[name] ?? 0, value);
  return most;
}

/** In a point that is known, what is not named did not happen; but no time was added where no request ended. */
function seriesOf(points: readonly Point[], part: keyof Rates): readonly Series[] {
  const names = [...new Set(points.flatMap(({ rates }) => Object.keys(rates?.[part] ?? {})))].sort();
  return names.map((name) => ({
    name,
    values: points.map(({ rates }) =>
      rates === null ? null : rounded(rates[part][name] ?? (part === 'added' ? null : 0)),
    ),
  }));
}

function rounded(value: number | null): number | null {
  return value === null ? null : Math.round(value * 1000) / 1000;
}

/** Those nearest to a limit first, as the gate knows that knows of most. */
function ownersOf(reports: readonly MemberReport[]): readonly LimitUse[] {
  const owners = new Map<string, LimitUse>();
  for (const { gauges } of reports) {
    for (const { ownerId, tier, limit, quota, used, requests } of gauges.limits) {
      const before = owners.get(ownerId);
      const rate = (before?.rate ?? 0) + (requests * 1000) / Math.max(1, gauges.intervalMs);
      const isMore =
        before === undefined || used / Math.max(1, quota) > before.used / Math.max(1, before.quota);
      const use = isMore ? { owner_id: ownerId, tier, limit, used, quota } : before;
      owners.set(ownerId, { ...use, rate: rounded(rate) ?? 0 });
    }
  }
  const share = ({ used, quota }: LimitUse): number => used / Math.max(1, quota);
  return [...owners.values()].sort((a, b) => share(b) - share(a) || b.rate - a.rate).slice(0, OWNERS_SHOWN);
}
