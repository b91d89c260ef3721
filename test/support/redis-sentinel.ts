import { randomBytes } from 'node:crypto';
import type { Secret } from '../../src/core/secret.ts';
import { newPassword, type RedisService } from './redis-access.ts';
import { RedisProcess } from './redis-process.ts';
import { freePorts } from './redis-programs.ts';
import { until } from './until.ts';

/** A master with two replicas, watched by three Sentinels that act within a second or two. */
export interface RedisSentinel extends RedisService {
  /** The server that the Sentinels call the master now. */
  master(): Promise<RedisProcess>;
  /** Resolves when the Sentinels call another server the master than `former`, with the time it took. */
  failedOver(former: RedisProcess): Promise<number>;
}

const NAME = 'mymaster';

export async function startRedisSentinel(protocol: 2 | 3): Promise<RedisSentinel> {
  const password = newPassword();
  const ports = await freePorts(6);
  const servers = await startServers(ports.slice(0, 3), password);
  const sentinels = await startSentinels(ports.slice(3), ports.slice(0, 3), password);
  const master = async (): Promise<RedisProcess> => {
    const address = await sentinels[0]?.cli('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', NAME);
    const found = servers.find(({ port }) => port === Number(address?.split('\n')[1]));
    if (found === undefined) throw new Error('the master is none of the servers');
    return found;
  };
  return {
    config: {
      servers: {
        kind: 'sentinel',
        sentinels: sentinels.map(({ port }) => ({ host: '127.0.0.1', port })),
        name: NAME,
      },
      database: 0,
      username: null,
      password,
      tls: null,
      protocol,
    },
    master,
    failedOver: (former) => until('another server is the master', async () => (await master()) !== former),
    everywhere: async (...command) => {
      await Promise.all(servers.map((server) => server.cli(...command)));
    },
    stop: async () => {
      await Promise.all([...sentinels, ...servers].map((one) => one.stop()));
    },
  };
}

async function startServers(ports: readonly number[], password: Secret): Promise<RedisProcess[]> {
  const servers = await Promise.all(
    ports.map((port) =>
      RedisProcess.start({
        port,
        sentinel: false,
        cli: { args: [], password: password.reveal() },
        config: () => [
          `port ${port}`,
          `requirepass ${password.reveal()}`,
          `masterauth ${password.reveal()}`,
          'repl-diskless-sync-delay 0',
          ...(port === ports[0] ? [] : [`replicaof 127.0.0.1 ${ports[0]}`]),
        ],
      }),
    ),
  );
  await until('the replicas follow', async () => {
    const states = await Promise.all(servers.slice(1).map((one) => one.cli('INFO', 'replication')));
    return states.every((state) => state.includes('master_link_status:up'));
  });
  return servers;
}

/** They know each other and the replicas from the start, and need not find them. */
async function startSentinels(
  ports: readonly number[],
  [master, ...replicas]: readonly number[],
  password: Secret,
): Promise<RedisProcess[]> {
  const ids = new Map(ports.map((port) => [port, randomBytes(20).toString('hex')]));
  const sentinels = await Promise.all(
    ports.map((own) =>
      RedisProcess.start({
        port: own,
        sentinel: true,
        cli: { args: [], password: null },
        config: () => [
          `port ${own}`,
          `sentinel myid ${ids.get(own)}`,
          `sentinel monitor ${NAME} 127.0.0.1 ${master} 2`,
          `sentinel auth-pass ${NAME} ${password.reveal()}`,
          `sentinel down-after-milliseconds ${NAME} 500`,
          `sentinel failover-timeout ${NAME} 3000`,
          `sentinel parallel-syncs ${NAME} 2`,
          ...replicas.map((port) => `sentinel known-replica ${NAME} 127.0.0.1 ${port}`),
          ...[...ids]
            .filter(([port]) => port !== own)
            .map(([port, id]) => `sentinel known-sentinel ${NAME} 127.0.0.1 ${port} ${id}`),
        ],
      }),
    ),
  );
  await until('the Sentinels agree', async () => {
    const states = await Promise.all(sentinels.map((one) => one.cli('SENTINEL', 'CKQUORUM', NAME)));
    return states.every((state) => state.startsWith('OK 3'));
  });
  return sentinels;
}
