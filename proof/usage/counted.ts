export type StatusClass = '1xx' | '2xx' | '3xx' | '4xx' | '5xx';

/** Requests of one key: all, by route, and by class of status. */
export interface Counts {
  requests: number;
  errors: number;
  readonly byRoute: Map<string, number>;
  readonly byStatus: Map<StatusClass, number>;
}

export function noCounts(): Counts {
  return { requests: 0, errors: 0, byRoute: new Map(), byStatus: new Map() };
}

export function count(counts: Counts, route: string, status: number): void {
  const statusClass = `${Math.floor(status / 100)}xx` as StatusClass;
  counts.requests += 1;
  if (status >= 400) counts.errors += 1;
  counts.byRoute.set(route, (counts.byRoute.get(route) ?? 0) + 1);
  counts.byStatus.set(statusClass, (counts.byStatus.get(statusClass) ?? 0) + 1);
}

export function sumOf(all: Iterable<Counts>): Counts {
  const sum = noCounts();
  for (const { requests, errors, byRoute, byStatus } of all) {
    sum.requests += requests;
    sum.errors += errors;
    for (const [route, number] of byRoute) sum.byRoute.set(route, (sum.byRoute.get(route) ?? 0) + number);
    for (const [one, number] of byStatus) sum.byStatus.set(one, (sum.byStatus.get(one) ?? 0) + number);
  }
  return sum;
}

/** Where what was told is not what was counted, in words; none where they are the same. */
export function differences(name: string, told: Counts, counted: Counts): string[] {
  const wrong: string[] = [];
  const compare = (what: string, says: number, is: number): void => {
    if (says !== is) wrong.push(`${name}: ${what} ${says}, the upstream answered ${is}`);
  };
  compare('requests', told.requests, counted.requests);
  compare('errors', told.errors, counted.errors);
  for (const route of new Set([...told.byRoute.keys(), ...counted.byRoute.keys()]))
    compare(`on ${route}`, told.byRoute.get(route) ?? 0, counted.byRoute.get(route) ?? 0);
  for (const one of new Set([...told.byStatus.keys(), ...counted.byStatus.keys()]))
    compare(`with ${one}`, told.byStatus.get(one) ?? 0, counted.byStatus.get(one) ?? 0);
  return wrong;
}
