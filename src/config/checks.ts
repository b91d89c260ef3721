import { locate, type Tree } from './document.ts';
import { identityChecks } from './identity-checks.ts';
import { keyChecks } from './key-checks.ts';
import { overlap } from './listen-address.ts';
import { describeValue, type Finding, type Path } from './mistake.ts';
import { finding, has, indexesAt, textAt, valueAt } from './places.ts';
import { redisChecks } from './redis-checks.ts';
import { LISTEN } from './schema.ts';

/**
 * What only shows when several fields are seen together. The checks read the file's values as they stand, so they
 * speak also while other fields are wrong; a value that is wrong by itself is passed over.
 */
export function crossChecks(root: Tree): Finding[] {
  return [
    ...needsARole(root),
    ...forwardAuthNeedsAGate(root),
    ...keyChecks(root),
    ...identityChecks(root),
    ...redisChecks(root),
    ...samePorts(root),
    ...sameMatches(root),
  ];
}

function needsARole(root: Tree): Finding[] {
  if (root.value === null || typeof root.value !== 'object' || Array.isArray(root.value)) return [];
  if (root.fields.has('proxy') || root.fields.has('keyService')) return [];
  return [finding(root, [], 'neither proxy nor keyService; allowed: a file with one of them or both')];
}

function forwardAuthNeedsAGate(root: Tree): Finding[] {
  if (!has(root, ['forwardAuth']) || has(root, ['proxy'])) return [];
  const what = 'found without proxy; allowed: beside a proxy, by whose routes it decides';
  return [finding(root, ['forwardAuth'], what)];
}

const ROLES = ['proxy', 'forwardAuth', 'keyService', 'admin'] as const;

function samePorts(root: Tree): Finding[] {
  const servers = ROLES.filter((role) => role === 'admin' || root.fields.has(role)).map((role) => ({
    path: [role, 'port'],
    host: textAt(root, [role, 'host'])?.toLowerCase() ?? LISTEN[role].host,
    port: Number(valueAt(root, [role, 'port']) ?? LISTEN[role].port),
  }));
  const findings: Finding[] = [];
  for (const [i, server] of servers.entries()) {
    const other = servers
      .slice(0, i)
      .find(({ host, port }) => port === server.port && overlap(host, server.host));
    if (other === undefined || server.port < 1 || server.port > 65_535 || !Number.isInteger(server.port))
      continue;
    // The one that the file names; a default is not the reader's mistake.
    const [named, unnamed] = valueAt(root, server.path) === undefined ? [other, server] : [server, other];
    const found = describeValue(named.port, locate(root, named.path).tree.interpolated);
    const what = `found ${found}, the port of ${unnamed.path[0]} on the same address; allowed: a port of its own`;
    findings.push(finding(root, named.path, what));
  }
  return findings;
}

function sameMatches(root: Tree): Finding[] {
  const first = new Map<string, number>();
  const findings: Finding[] = [];
  for (const index of indexesAt(root, ['proxy', 'routes'])) {
    const match: Path = ['proxy', 'routes', index, 'match'];
    const host = valueAt(root, [...match, 'host']);
    const path = valueAt(root, [...match, 'path']) ?? '/';
    if (typeof path !== 'string' || (host !== undefined && typeof host !== 'string')) continue;
    const key = JSON.stringify([host?.toLowerCase() ?? null, path]);
    const earlier = first.get(key);
    if (earlier === undefined) {
      first.set(key, index);
      continue;
    }
    const what = `found the host and path of proxy.routes[${earlier}]; allowed: each once`;
    findings.push(finding(root, match, what));
  }
  return findings;
}
