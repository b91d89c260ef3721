import type { Config, ProxyConfig } from './config/config.ts';
import { effectiveConfig } from './config/effective.ts';
import { formatStatedLimit } from './core/limit.ts';
import { PROFILES, type Profile } from './core/profile.ts';
import type { ProfileAtGate } from './key-service/console/about-calls.ts';
import type { Console } from './key-service/console/console.ts';
import type { RunningGate } from './run-gate.ts';
import { hostAndPort } from './runtime/listen.ts';

/** Tells the console of the gate in this process, and of the configuration in force. */
export function surroundConsole(
  console: Console,
  config: () => Config,
  gate: Pick<RunningGate, 'port' | 'decisions'> | null,
): void {
  console.surround({
    decisions: (requestId) => gate?.decisions(requestId) ?? [],
    configuration: () => effectiveConfig(config()),
    profiles: () => {
      const { proxy } = config();
      if (gate === null || proxy === null) return {};
      return Object.fromEntries(PROFILES.map((profile) => [profile, atGate(profile, proxy, gate.port)]));
    },
  });
}

/** Where a server that listens everywhere is reached from the same machine. */
const LOOPBACK: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };

function atGate(
  profile: Profile,
  { tiers, routes, host, port, tls }: ProxyConfig,
  bound: number,
): ProfileAtGate {
  const route = routes.find((one) => one.profile === profile && one.auth === 'required');
  const scheme = tls === null ? 'http' : 'https';
  const at = hostAndPort(route?.host ?? LOOPBACK[host] ?? host, port === 0 ? bound : port);
  return {
    tiers: [...tiers[profile]].map(([name, limits]) => ({
      name,
      limits: limits.length === 0 ? 'unlimited' : limits.map(formatStatedLimit),
    })),
    url: route === undefined ? null : `${scheme}://${at}${route.path}`,
  };
}

/** For the person who started this; null where there is an operator already. */
export async function firstLinkText(console: Console): Promise<string | null> {
  const made = await console.roster.firstLink();
  if (made === null) return null;
  return [
    'The console, for its first operator (this link is good once, within the hour):',
    `  ${made.link}`,
    '',
  ].join('\n');
}
