import type { RedisConfig } from '../../src/config/config.ts';

/** The `redis` section of a configuration file for servers that a test has started. */
export function redisSection({ servers, username, password, protocol }: RedisConfig): object {
  const address = ({ host, port }: { host: string; port: number }): string => `${host}:${port}`;
  const login = {
    ...(username === null ? {} : { username }),
    ...(password === null ? {} : { password: password.reveal() }),
    protocol,
  };
  switch (servers.kind) {
    case 'single': {
      const user = username ?? '';
      const who = password === null ? '' : `${user}:${password.reveal()}@`;
      return { url: `redis://${who}${address(servers)}`, protocol };
    }
    case 'sentinel':
      return { sentinels: servers.sentinels.map(address), name: servers.name, ...login };
    case 'cluster':
      return { cluster: servers.nodes.map(address), ...login };
  }
}
