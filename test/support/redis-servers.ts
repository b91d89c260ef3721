import { makeCertificates, type Certificates } from './certificates.ts';
import { newPassword, USER, userLine, type RedisService } from './redis-access.ts';
import { RedisProcess } from './redis-process.ts';

export { startRedisCluster, type RedisCluster } from './redis-cluster.ts';
export { startRedisSentinel, type RedisSentinel } from './redis-sentinel.ts';

/** One Redis server of the test's own. */
export interface RedisServer extends RedisService {
  readonly port: number;
  /** A folder that is gone when the server is stopped. */
  readonly dir: string;
  /** A command as the server's administrator; its reply as text, one line for each element. */
  cli(...args: readonly string[]): Promise<string>;
  /** Killed at once; `start` brings it back on its port, empty and as another run. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** SIGSTOP: connections stay open and nothing is answered. */
  pause(): void;
  resume(): void;
}

export interface RedisServerOptions {
  readonly protocol: 2 | 3;
  /** Asked for of the default user. */
  readonly password: boolean;
  /** Rights of a user beside the default one, as in `ACL SETUSER`; the configuration logs in as that user. */
  readonly rights: readonly string[] | null;
  /** TLS only, with certificates on both sides. */
  readonly tls: boolean;
}

export async function startRedis(options: Partial<RedisServerOptions> = {}): Promise<RedisServer> {
  const { protocol = 3, password = false, rights = null, tls = false } = options;
  const admin = password ? newPassword() : null;
  const user = rights === null ? null : newPassword();
  const certificates = tls ? await makeCertificates() : null;
  const server = await RedisProcess.start({
    port: null,
    sentinel: false,
    cli: {
      args: certificates === null ? [] : tlsArguments(certificates),
      password: admin?.reveal() ?? null,
    },
    config: (port) => [
      ...(certificates === null ? [`port ${port}`] : tlsLines(port, certificates)),
      ...(admin === null ? [] : [`requirepass ${admin.reveal()}`]),
      ...(rights === null || user === null ? [] : [userLine(user, rights)]),
    ],
  });
  return {
    config: {
      servers: { kind: 'single', host: '127.0.0.1', port: server.port },
      database: 0,
      username: user === null ? null : USER,
      password: user ?? admin,
      tls: certificates === null ? null : { ca: certificates.ca, ...certificates.client },
      protocol,
    },
    port: server.port,
    dir: server.dir,
    everywhere: async (...command) => {
      await server.cli(...command);
    },
    cli: (...args) => server.cli(...args),
    kill: () => server.kill(),
    start: () => server.start(),
    pause: () => server.pause(),
    resume: () => server.resume(),
    stop: async () => {
      await server.stop();
      await certificates?.remove();
    },
  };
}

function tlsLines(port: number, { ca, server }: Certificates): string[] {
  const files = [`tls-ca-cert-file ${ca}`, `tls-cert-file ${server.cert}`, `tls-key-file ${server.key}`];
  return ['port 0', `tls-port ${port}`, ...files, 'tls-auth-clients yes'];
}

function tlsArguments({ ca, client }: Certificates): string[] {
  return ['--tls', '--cacert', ca, '--cert', client.cert, '--key', client.key];
}
