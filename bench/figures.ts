/** One measurement of a server: a case, some seconds long. */
export interface Sample {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuMicroseconds: number;
  /** Resident memory at the end of it. */
  readonly mebibytes: number;
}

/** Samples of one case by the server's name, in the order of the rounds. */
export type CaseFigures = Record<string, Sample[]>;
export type Figures = Record<string, CaseFigures>;

export function median(values: readonly number[]): number {
  const sorted = values.filter((value) => !Number.isNaN(value)).toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

export function medianOf(samples: readonly Sample[] | undefined, figure: keyof Sample): number {
  return median((samples ?? []).map((sample) => sample[figure]));
}

/** The median of the ratios within each round: what troubles a round troubles both alike. */
export function ratio(
  figures: CaseFigures | undefined,
  name: string,
  to: string,
  figure: keyof Sample = 'perSecond',
): number {
  const others = figures?.[to] ?? [];
  const own = figures?.[name] ?? [];
  return median(own.map((sample, i) => sample[figure] / (others[i]?.[figure] ?? Number.NaN)));
}

const RATIOS = {
  'leased/undici': ['gate leased', 'undici'],
  'leased/http-proxy-3': ['gate leased', 'http-proxy-3'],
  'leased/fastify': ['gate leased', 'fastify'],
  'leased/nginx': ['gate leased', 'nginx'],
  'leased/nginx-lua-redis': ['gate leased', 'nginx-lua-redis'],
  'exact/nginx-lua-redis': ['gate exact', 'nginx-lua-redis'],
  'exact/leased': ['gate exact', 'gate leased'],
  'forward-auth/leased': ['forward-auth', 'gate leased'],
  'leased/nginx-forward-auth': ['gate leased', 'nginx-forward-auth'],
  'nginx-forward-auth/nginx-lua-redis': ['nginx-forward-auth', 'nginx-lua-redis'],
  'off/undici': ['gate off', 'undici'],
} as const;

export type Ratios = Readonly<Record<string, number>>;

/** The named ratios of throughput in one case, of the servers that were there. */
export function throughputRatios(figures: CaseFigures | undefined): Ratios {
  return ratiosBy((a, b) => ratio(figures, a, b));
}

/** The same by the processor's time for a request: what throughput would be, were that all that counts. */
export function processorRatios(figures: CaseFigures | undefined): Ratios {
  return ratiosBy((a, b) => ratio(figures, b, a, 'cpuMicroseconds'));
}

function ratiosBy(ratioOf: (name: string, to: string) => number): Ratios {
  const all = Object.entries(RATIOS).map(([name, [a, b]]) => [name, ratioOf(a, b)] as const);
  return Object.fromEntries(all.filter(([, value]) => !Number.isNaN(value)));
}
