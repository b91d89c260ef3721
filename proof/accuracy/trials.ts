import { openAccount } from './accounts.ts';
import type { Mode } from './fleet.ts';
import {
  cutOff,
  gateKilled,
  masterKilled,
  redisKilled,
  redisStopped,
  repliesLost,
  scriptsForgotten,
  type Happening,
} from './happenings.ts';
import type { Offer } from './load.ts';
import type { ObedientPlan } from './obedient.ts';
import { EVEN, LONG_TIERS, offered, offeredWithKeyLimit, ONE_GATE, SHORT_TIERS, UNEVEN } from './offers.ts';
import type { Moment, Period, Trial } from './trial.ts';

export type Size = 'quick' | 'full';

const RIGHT = [0, 0, 0, 0];
/** Wall clocks two minutes off in both directions. */
const WRONG = [120_000, -120_000, 0, 37_000];

const NOTHING: Omit<Trial, 'name' | 'mode' | 'offers' | 'periods'> = {
  redis: 'single',
  relays: false,
  clockShiftsMs: RIGHT,
  obedient: [],
  happenings: [],
  callsMost: null,
  mustBeJudged: false,
  killsGates: false,
  mayBeUnknown: false,
};

/** Of a small run: they differ from their leased neighbours in what Redis is asked, and not in what happens then. */
const LEFT_OUT = ['faults-exact', 'outage-exact', 'failover-exact'];

export function trialsOf(size: Size): Trial[] {
  const trials: Trial[] = [
    { ...tiers('memory', size), redis: 'none', clockShiftsMs: [0] },
    { ...tiers('exact', size), clockShiftsMs: WRONG },
    { ...tiers('leased', size), clockShiftsMs: WRONG },
    calls(size),
    faults('exact', size),
    faults('leased', size),
    outage('exact', size),
    outage('leased', size),
    failover('exact', size),
    failover('leased', size),
  ];
  return trials
    .filter(({ name }) => size === 'full' || !LEFT_OUT.includes(name))
    .map((trial) => ({ ...trial, mustBeJudged: size === 'full' }));
}

/** Every tier at twice its limit, and clients alone on theirs that do as they are told. */
function tiers(mode: Mode, size: Size): Trial {
  const forMs = size === 'quick' ? 13_000 : 190_000;
  const load = (limit: string, weights = EVEN, ms = forMs): Offer =>
    offered({ limit, weights, times: 2, forMs: ms });
  const spread = mode === 'memory' ? [] : [UNEVEN, ONE_GATE];
  return {
    ...NOTHING,
    name: mode,
    mode,
    offers: [
      ...[...SHORT_TIERS, ...LONG_TIERS].map((limit) => load(limit)),
      load('1000/second', EVEN, size === 'quick' ? 6000 : 30_000),
      ...spread.flatMap((weights) => ['100/second', '10/second'].map((limit) => load(limit, weights))),
      offeredWithKeyLimit(forMs),
    ],
    obedient: obedientClients(size),
    periods: [whole(mode)],
  };
}

function obedientClients(size: Size): ObedientPlan[] {
  const client = (
    heeds: ObedientPlan['heeds'],
    limits: string[],
    requests: number,
    forMs: number,
  ): ObedientPlan => ({
    account: openAccount(
      `obeys-${heeds}-${limits.join('-').replaceAll('/', '-per-')}`.toLowerCase(),
      limits,
      [[]],
    ),
    heeds,
    requests,
    forMs,
  });
  const forMs = size === 'quick' ? 13_000 : 120_000;
  return [
    client('RateLimit', ['100/second'], size === 'quick' ? 500 : 10_000, forMs),
    client('RateLimit', ['7/second', '50/10s'], 10_000, forMs),
    client('RateLimit', ['100/minute'], 10_000, size === 'quick' ? forMs : 610_000),
    client('Retry-After', ['100/second'], 10_000, forMs),
    client('Retry-After', ['10/second'], 10_000, forMs),
  ];
}

/** What many replicas cost Redis. */
function calls(size: Size): Trial {
  const forMs = size === 'quick' ? 8000 : 40_000;
  return {
    ...NOTHING,
    name: 'calls',
    mode: 'leased',
    offers: [offered({ limit: '500/second', weights: EVEN, times: 2, forMs })],
    periods: [whole('leased')],
    callsMost: 5,
  };
}

/** Scripts forgotten, replies lost, a gate cut off, a gate killed. */
function faults(mode: Mode, size: Size): Trial {
  const rounds = size === 'quick' ? 1 : 4;
  const roundMs = 13_000;
  return {
    ...NOTHING,
    name: `faults-${mode}`,
    mode,
    relays: true,
    clockShiftsMs: size === 'quick' ? RIGHT : WRONG,
    offers: underFaults(size, rounds * roundMs + 1000, 2),
    happenings: Array.from({ length: rounds }, (_, i) => mishaps(i * roundMs, i, size)).flat(),
    periods: [],
    killsGates: true,
    mayBeUnknown: true,
  };
}

function mishaps(fromMs: number, round: number, size: Size): Happening[] {
  const gate = (i: number): number => (i + round) % RIGHT.length;
  return [
    scriptsForgotten(fromMs + 1500),
    repliesLost(fromMs + 2000, [gate(0), gate(1)], 2500),
    cutOff(fromMs + 4800, gate(3), 2700),
    scriptsForgotten(fromMs + 7700),
    gateKilled(fromMs + 8000, gate(2), 500),
    repliesLost(fromMs + 10_500, [gate(0), gate(1), gate(2), gate(3)], 1000),
    ...(size === 'quick' ? [] : [redisStopped(fromMs + 11_800, 700)]),
  ];
}

/** Redis killed under three times the load, when every limit is reached in a full run, and back empty. */
function outage(mode: Mode, size: Size): Trial {
  const [lostMs, awayMs, afterMs] = size === 'quick' ? [4000, 5000, 5500] : [25_000, 20_000, 20_000];
  const lost: Moment = { mark: 'lost', plusMs: 0, plusWindows: 0 };
  const returned: Moment = { mark: 'returned', plusMs: 0, plusWindows: 0 };
  const forMs = lostMs + awayMs + afterMs;
  return {
    ...NOTHING,
    name: `outage-${mode}`,
    mode,
    clockShiftsMs: size === 'quick' ? RIGHT : WRONG,
    offers: underFaults(size, forMs, 3),
    happenings: [redisKilled(lostMs, awayMs)],
    periods: [
      { ...whole(mode), name: 'before', to: lost },
      {
        name: 'while Redis was away',
        from: { ...lost, plusWindows: 1 },
        to: returned,
        least: 0.8,
        byParts: true,
      },
      { ...whole(mode), name: 'from two seconds after its return', from: { ...returned, plusMs: 2000 } },
    ],
  };
}

function failover(mode: Mode, size: Size): Trial {
  const forMs = size === 'quick' ? 12_000 : 40_000;
  return {
    ...NOTHING,
    name: `failover-${mode}`,
    mode,
    redis: 'sentinel',
    offers: underFaults(size, forMs, 2),
    happenings: [masterKilled(4000)],
    periods: [],
    mayBeUnknown: true,
  };
}

function underFaults(size: Size, forMs: number, times: number): Offer[] {
  const more = size === 'quick' ? [] : ['1000/second', '500/minute'];
  return [
    ...[...SHORT_TIERS, '100/minute', ...more].map((limit) =>
      offered({ limit, weights: EVEN, times, forMs }),
    ),
    offered({ limit: '100/second', weights: UNEVEN, times, forMs }),
  ];
}

/** From the second window on. */
function whole(mode: Mode): Period {
  return {
    name: 'after the first window',
    from: { mark: 'start', plusMs: 0, plusWindows: 1 },
    to: { mark: 'end', plusMs: 0, plusWindows: 0 },
    least: mode === 'leased' ? 0.97 : 0.98,
  };
}
