import type { Config } from './config.ts';
import { locate, positionAt, type Tree } from './document.ts';
import { describeValue, quote, sentence, writePath, type Finding, type Path } from './mistake.ts';
import { LISTEN } from './schema.ts';

/**
 * What only shows when several fields are seen together. The checks read the file's values as they stand, so they
 * speak also while other fields are wrong; a value that is wrong by itself is passed over.
 */
export function crossChecks(root: Tree): Finding[] {
  return [
    ...needsARole(root),
    ...needsKeyService(root),
    ...samePorts(root),
    ...sameMatches(root),
    ...unknownPepper(root),
  ];
}

function finding(root: Tree, path: Path, what: string): Finding {
  return { ...positionAt(root, path), path: writePath(path), text: sentence(path, what) };
}

function valueAt(root: Tree, path: Path): unknown {
  const { tree, depth } = locate(root, path);
  return depth === path.length && !tree.broken ? tree.value : undefined;
}

function textAt(root: Tree, path: Path): string | null {
  const value = valueAt(root, path);
  return typeof value === 'string' ? value : null;
}

function indexes(root: Tree, path: Path): number[] {
  const list = valueAt(root, path);
  return Array.isArray(list) ? list.map((_, i) => i) : [];
}

function needsARole(root: Tree): Finding[] {
  if (root.value === null || typeof root.value !== 'object' || Array.isArray(root.value)) return [];
  if (root.fields.has('proxy') || root.fields.has('keyService')) return [];
  return [finding(root, [], 'neither proxy nor keyService; allowed: a file with one of them or both')];
}

/** Keys come from the key service in the same process, which is said once, at the first route that needs them. */
function needsKeyService(root: Tree): Finding[] {
  if (root.fields.has('keyService')) return [];
  for (const index of indexes(root, ['proxy', 'routes'])) {
    const route: Path = ['proxy', 'routes', index];
    const rules: Path = [...route, 'rules'];
    const closed = [route, ...indexes(root, rules).map((rule) => [...rules, rule])].find((place) => {
      const auth = valueAt(root, [...place, 'auth']);
      return auth === 'required' || (auth === undefined && place === route);
    });
    if (closed === undefined) continue;
    const what =
      'found a route that needs keys, but no keyService; allowed: auth: none, or a keyService in the same file, since proxy.keys has no other source yet';
    return [finding(root, [...closed, 'auth'], what)];
  }
  return [];
}

const ROLES = ['proxy', 'keyService', 'admin'] as const;

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

const EVERY_ADDRESS: ReadonlySet<string> = new Set(['0.0.0.0', '::']);
const LOOPBACK: ReadonlySet<string> = new Set(['127.0.0.1', '::1', 'localhost']);

function overlap(a: string, b: string): boolean {
  if (a === b || EVERY_ADDRESS.has(a) || EVERY_ADDRESS.has(b)) return true;
  // localhost may be either of the two others.
  return LOOPBACK.has(a) && LOOPBACK.has(b) && (a === 'localhost' || b === 'localhost');
}

function sameMatches(root: Tree): Finding[] {
  const first = new Map<string, number>();
  const findings: Finding[] = [];
  for (const index of indexes(root, ['proxy', 'routes'])) {
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

const PEPPER_NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$/;

function unknownPepper(root: Tree): Finding[] {
  const path: Path = ['keyService', 'peppers'];
  const names = [...locate(root, path).tree.fields.keys()].map(String).filter((name) => name !== 'current');
  if (valueAt(root, path) === undefined) return [];
  const findings = names
    .filter((name) => !PEPPER_NAME.test(name))
    .map((name) =>
      finding(
        root,
        [...path, name],
        `found the name ${quote(name)}; allowed: a name of 1 to 32 letters, digits, "_" and "-"`,
      ),
    );
  const current = valueAt(root, [...path, 'current']);
  if (typeof current !== 'string' || current === '' || names.includes(current)) return findings;
  const { interpolated } = locate(root, [...path, 'current']).tree;
  const allowed = names.length === 0 ? 'a pepper beside it, such as p1' : names.map(quote).join(', ');
  return [
    ...findings,
    finding(root, [...path, 'current'], `found ${describeValue(current, interpolated)}; allowed: ${allowed}`),
  ];
}

/** What is legal and probably not meant. */
export function warningsOf(
  config: Config,
  root: Tree,
  env: Readonly<Record<string, string | undefined>>,
): Finding[] {
  const warnings: Finding[] = [];
  const { admin, proxy, keyService } = config;
  if (admin.token === null && !isLoopback(admin.host)) {
    warnings.push(
      finding(
        root,
        ['admin', 'host'],
        'off loopback without admin.token only /livez, /readyz and /metrics answer',
      ),
    );
  }
  for (const [index, network] of (proxy?.trustedProxies ?? []).entries()) {
    if (!network.endsWith('/0')) continue;
    const what = 'every client is a trusted proxy and may name any client address';
    warnings.push(finding(root, ['proxy', 'trustedProxies', index], what));
  }
  for (const name of ['serviceToken', 'adminToken'] as const) {
    if (proxy !== null || keyService === null || keyService[`${name}s`] !== null) continue;
    const what =
      'absent; one is made at first start and kept in secrets.json beside the store, where other processes have to read it';
    warnings.push(finding(root, ['keyService', name], what));
  }
  const selfHosted = env['PLEXMCP_SELF_HOSTED']?.toLowerCase() ?? '';
  if (proxy !== null && !['', 'true', '1', 'false', '0'].includes(selfHosted)) {
    const what = 'PLEXMCP_SELF_HOSTED is set to something else than true or 1, so the limits of plexmcp hold';
    warnings.push(finding(root, ['proxy'], what));
  }
  return warnings;
}

function isLoopback(host: string): boolean {
  return LOOPBACK.has(host.toLowerCase()) || host.startsWith('127.');
}
