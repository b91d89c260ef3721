import { Secret } from '../core/secret.ts';
import type { Config } from './config.ts';

/** A field that keeps its value until the next start, and where the program has it. */
interface Fixed {
  /** As the file and its reference call it. */
  readonly path: string;
  readonly at: readonly string[];
}

const fixed = (path: string, at = path): Fixed => ({ path, at: at.split('.') });

/**
 * What a running process cannot change: where it listens, whom it is connected to, how it was built. All that is not
 * listed here is live. A section comes before its fields.
 */
const FIXED: readonly Fixed[] = [
  fixed('admin.host'),
  fixed('admin.port'),
  fixed('redis'),
  fixed('proxy.host'),
  fixed('proxy.port'),
  fixed('forwardAuth.host', 'proxy.forwardAuth.host'),
  fixed('forwardAuth.port', 'proxy.forwardAuth.port'),
  fixed('proxy.tls'),
  fixed('proxy.upstreamTls'),
  fixed('proxy.keys.service.url', 'proxy.keys.service.origin'),
  fixed('proxy.keys.service.url', 'proxy.keys.service.basePath'),
  fixed('proxy.keys.cacheSize'),
  fixed('proxy.keys.freshFor', 'proxy.keys.freshForMs'),
  fixed('proxy.keys.staleIfError', 'proxy.keys.staleIfErrorMs'),
  fixed('proxy.keys.negativeFor', 'proxy.keys.negativeForMs'),
  fixed('proxy.keys.fence', 'proxy.keys.fenceMs'),
  fixed('proxy.keys.prefixes'),
  fixed('proxy.limits'),
  fixed('proxy.bounds.headerBytes'),
  fixed('tracing'),
  fixed('keyService.host'),
  fixed('keyService.port'),
  fixed('keyService.store'),
  fixed('keyService.peppers'),
  fixed('keyService.console'),
];

/** Sections that neither come nor go while the process runs, though what is in them may be live. */
const SECTIONS: readonly Fixed[] = [
  fixed('proxy'),
  fixed('forwardAuth', 'proxy.forwardAuth'),
  fixed('keyService'),
  fixed('proxy.keys.service'),
  fixed('proxy.keys.file'),
];

export interface TakenOver {
  /** The configuration that can be in force now: the next one, where it is live. */
  readonly config: Config;
  /** Fields of the next one that wait for a restart, as the file calls them. */
  readonly waiting: readonly string[];
}

/** What a process that runs under `now` makes of `next`. */
export function takeOver(now: Config, next: Config): TakenOver {
  const waiting = new Set<string>();
  let config: unknown = next;
  for (const { path, at } of SECTIONS) {
    const before = valueAt(now, at);
    if (isThere(before) === isThere(valueAt(config, at))) continue;
    waiting.add(path);
    config = withValue(config, at, before);
  }
  for (const { path, at } of FIXED) {
    const before = valueAt(now, at);
    if (isSame(before, valueAt(config, at))) continue;
    waiting.add(path);
    config = withValue(config, at, before);
  }
  return { config: config as Config, waiting: [...waiting] };
}

/** Whether a change of the field waits for a restart; `some` where it depends on the field within. */
export function needsRestart(path: string): boolean | 'some' {
  if (FIXED.some((field) => field.path === path || path.startsWith(`${field.path}.`))) return true;
  return FIXED.some((field) => field.path.startsWith(`${path}.`)) ? 'some' : false;
}

/** Every field that waits for a restart. */
export const FIXED_FIELDS: readonly string[] = [...new Set(FIXED.map(({ path }) => path))];

type Mapping = Readonly<Record<string, unknown>>;

function isThere(value: unknown): boolean {
  return value !== null && value !== undefined;
}

function valueAt(from: unknown, at: readonly string[]): unknown {
  return at.reduce<unknown>((value, name) => (isThere(value) ? (value as Mapping)[name] : undefined), from);
}

function withValue(from: unknown, [name = '', ...rest]: readonly string[], value: unknown): unknown {
  const mapping = from as Mapping;
  return { ...mapping, [name]: rest.length === 0 ? value : withValue(mapping[name], rest, value) };
}

/** Of values as a configuration has them: plain ones, secrets, lists, maps and mappings. */
function isSame(a: unknown, b: unknown): boolean {
  if (a instanceof Secret || b instanceof Secret) {
    return a instanceof Secret && b instanceof Secret && a.equals(b);
  }
  if (a instanceof Map || b instanceof Map) {
    return a instanceof Map && b instanceof Map && isSame([...a], [...b]);
  }
  if (!isMapping(a) || !isMapping(b)) return a === b;
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => isSame(a[name], b[name]));
}

function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null;
}
