import { randomBytes } from 'node:crypto';
import type { RedisConfig } from '../../src/config/config.ts';
import { Secret } from '../../src/core/secret.ts';
import { RedisProcess } from './redis-process.ts';

/** One Redis server of the test's own. */
export interface RedisServer {
  /** What a process needs to connect to it. */
  readonly config: RedisConfig;
  readonly port: number;
  /** A command as the server's administrator; its reply as text, one line for each element. */
  cli(...args: readonly string[]): Promise<string>;
  /** Killed at once; `start` brings it back on its port, empty and as another run. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** SIGSTOP: connections stay open and nothing is answered. */
  pause(): void;
  resume(): void;
  /** Ends it for good; may be called again. */
  stop(): Promise<void>;
}

export interface RedisServerOptions {
  readonly protocol: 2 | 3;
  /** Asked for of the default user. */
  readonly password: boolean;
  /** Rights of a user beside the default one, as in `ACL SETUSER`; the configuration logs in as that user. */
  readonly rights: readonly string[] | null;
}

export async function startRedis(options: Partial<RedisServerOptions> = {}): Promise<RedisServer> {
  const { protocol = 3, password = false, rights = null } = options;
  const admin = password ? new Secret(randomBytes(12).toString('hex')) : null;
  const user = rights === null ? null : new Secret(randomBytes(12).toString('hex'));
  const server = await RedisProcess.start({
    sentinel: false,
    cli: { args: [], password: admin?.reveal() ?? null },
    config: () => [
      ...(admin === null ? [] : [`requirepass ${admin.reveal()}`]),
      ...(user === null ? [] : [`user plexgate on >${user.reveal()} ${(rights ?? []).join(' ')}`]),
    ],
  });
  return {
    config: {
      servers: { kind: 'single', host: '127.0.0.1', port: server.port },
      database: 0,
      username: user === null ? null : 'plexgate',
      password: user ?? admin,
      tls: null,
      protocol,
    },
    port: server.port,
    cli: (...args) => server.cli(...args),
    kill: () => server.kill(),
    start: () => server.start(),
    pause: () => server.pause(),
    resume: () => server.resume(),
    stop: () => server.stop(),
  };
}
