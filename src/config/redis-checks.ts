import type { Tree } from './document.ts';
import type { Finding, Path } from './mistake.ts';
import { finding, has, textAt, valueAt } from './places.ts';
import { parseRedisUrl } from './redis-url.ts';

const KINDS = ['url', 'sentinels', 'cluster'] as const;

/** Which fields of `redis` go together. */
export function redisChecks(root: Tree): Finding[] {
  const section = valueAt(root, ['redis']);
  if (section === null || typeof section !== 'object' || Array.isArray(section)) return [];
  return [
    ...oneKindOfRedis(root),
    ...nameOfTheMaster(root),
    ...noDatabaseInACluster(root),
    ...saidInTheUrl(root),
    ...userWithoutPassword(root),
    ...certificateWithItsKey(root),
  ];
}

function field(name: string): Path {
  return ['redis', name];
}

function oneKindOfRedis(root: Tree): Finding[] {
  const [first, ...others] = KINDS.filter((kind) => has(root, field(kind)));
  if (first === undefined) {
    return [finding(root, ['redis'], 'neither url nor sentinels nor cluster; allowed: one of the three')];
  }
  return others.map((kind) =>
    finding(root, field(kind), `found beside redis.${first}; allowed: one of url, sentinels, cluster`),
  );
}

function nameOfTheMaster(root: Tree): Finding[] {
  const path = field('name');
  const isWanted = has(root, field('sentinels'));
  if (isWanted === has(root, path)) return [];
  const what = isWanted
    ? 'missing; allowed: what the Sentinels call the master, such as mymaster'
    : 'found without redis.sentinels; allowed: a name beside sentinels';
  return [finding(root, path, what)];
}

function noDatabaseInACluster(root: Tree): Finding[] {
  if (!has(root, field('cluster')) || !has(root, field('database'))) return [];
  const what = 'found beside redis.cluster, and a cluster has only database 0; allowed: leave it out';
  return [finding(root, field('database'), what)];
}

/** What stands in the URL as well as beside it: of two that differ, nobody could say which one holds. */
function saidInTheUrl(root: Tree): Finding[] {
  const url = parseRedisUrl(textAt(root, field('url')) ?? '');
  if (url === null) return [];
  const findings = (['username', 'password', 'database'] as const)
    .filter((name) => url[name] !== null && has(root, field(name)))
    .map((name) => finding(root, field(name), 'found beside the one in redis.url; allowed: one of the two'));
  if (!url.isTls || valueAt(root, field('tls')) !== false) return findings;
  const what = 'found false beside a rediss:// URL; allowed: true, a mapping, or a redis:// URL';
  return [...findings, finding(root, field('tls'), what)];
}

/** A user without a password would not be authenticated at all. */
function userWithoutPassword(root: Tree): Finding[] {
  const written = textAt(root, field('url'));
  const url = written === null ? null : parseRedisUrl(written);
  const isUnknown = has(root, field('url')) && url === null;
  const hasUser = has(root, field('username')) || (url !== null && url.username !== null);
  const hasPassword = has(root, field('password')) || (url !== null && url.password !== null);
  if (isUnknown || !hasUser || hasPassword) return [];
  return [finding(root, field('password'), 'missing; allowed: the password of the user')];
}

function certificateWithItsKey(root: Tree): Finding[] {
  const cert: Path = ['redis', 'tls', 'cert'];
  const key: Path = ['redis', 'tls', 'key'];
  if (has(root, cert) === has(root, key)) return [];
  const [there, missing] = has(root, cert) ? (['cert', key] as const) : (['key', cert] as const);
  return [finding(root, missing, `missing beside redis.tls.${there}; allowed: both, or none of the two`)];
}
