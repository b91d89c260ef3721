import { PROFILES } from '../core/profile.ts';
import type { Config } from './config.ts';
import type { Tree } from './document.ts';
import { isLoopback } from './listen-address.ts';
import type { Finding, Path } from './mistake.ts';
import { finding, has } from './places.ts';

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
        'off loopback without admin.token only /livez, /readyz, /metrics and /jwks answer',
      ),
    );
  }
  for (const [index, network] of (proxy?.trustedProxies ?? []).entries()) {
    if (!network.endsWith('/0')) continue;
    const what = 'every client is a trusted proxy and may name any client address';
    warnings.push(finding(root, ['proxy', 'trustedProxies', index], what));
  }
  warnings.push(...ofForwardAuth(config, root));
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
  return [...warnings, ...unsigned(config, root), ...withoutRedis(config, root)];
}

/** Keys that sign nothing, and audiences that nothing is signed for. */
function unsigned({ proxy }: Config, root: Tree): Finding[] {
  if (proxy === null || proxy.identity === null) return [];
  const { routes } = proxy;
  if (routes.every(({ audience }) => audience === null)) {
    return [finding(root, ['proxy', 'identity'], 'no route has an audience, so that nothing is signed')];
  }
  return routes.flatMap(({ audience, auth, rules }, index) => {
    if (audience === null || [auth, ...rules.map((rule) => rule.auth)].includes('required')) return [];
    const what = 'has no effect on an open route, since nobody is known there';
    return [finding(root, ['proxy', 'routes', index, 'audience'], what)];
  });
}

/** What the second door cannot keep, or whom it lets in. */
function ofForwardAuth({ proxy }: Config, root: Tree): Finding[] {
  if (proxy === null || proxy.forwardAuth === null) return [];
  const warnings: Finding[] = [];
  for (const [index, network] of proxy.forwardAuth.trustedProxies.entries()) {
    if (!network.endsWith('/0')) continue;
    const what = 'everybody may ask for decisions, and name any client address';
    warnings.push(finding(root, ['forwardAuth', 'trustedProxies', index], what));
  }
  for (const profile of PROFILES) {
    for (const [tier, limits] of proxy.tiers[profile]) {
      if (!limits.some((limit) => 'concurrent' in limit)) continue;
      const what =
        'a concurrency limit that forwardAuth cannot keep: its requests are refused while others fill it, and fill nothing themselves';
      warnings.push(finding(root, ['proxy', 'tiers', profile, tier], what));
    }
  }
  return warnings;
}

/** What the file says about Redis, and there is none. */
function withoutRedis({ proxy, redis }: Config, root: Tree): Finding[] {
  if (proxy === null || redis !== null) return [];
  const idle: Path[] = [['proxy', 'limits', 'whenRedisIsDown']];
  if (proxy.keys.staleIfErrorMs > 0) idle.push(['proxy', 'keys', 'staleIfError']);
  return idle
    .filter((path) => has(root, path))
    .map((path) => finding(root, path, 'has no effect without redis'));
}
