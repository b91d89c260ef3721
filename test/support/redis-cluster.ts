import { randomBytes } from 'node:crypto';
import { newPassword, USER, userLine, type RedisService } from './redis-access.ts';
import { RedisProcess } from './redis-process.ts';
import { freePorts } from './redis-programs.ts';
import { until } from './until.ts';

/** Three masters with a replica each, which take over within a few seconds. */
export interface RedisCluster extends RedisService {
  /** The masters first, as they were at the start. */
  readonly nodes: readonly RedisProcess[];
  /** The node that has this name's slot now. */
  masterOf(name: string): Promise<RedisProcess>;
  /** Resolves when another node than `former` has the name's slot, with the time it took. */
  failedOver(name: string, former: RedisProcess): Promise<number>;
}

interface Place {
  readonly port: number;
  readonly busPort: number;
  readonly id: string;
  /** Of a master; null: a replica. */
  readonly slots: string | null;
  /** Of a replica: the id of its master. */
  readonly follows: string;
}

/** `rights` as in `ACL SETUSER`: those of the user that the configuration logs in as. */
export async function startRedisCluster(protocol: 2 | 3, rights: readonly string[]): Promise<RedisCluster> {
  const user = newPassword();
  const places = await layOut();
  const nodes = await Promise.all(
    places.map((own) =>
      RedisProcess.start({
        port: own.port,
        sentinel: false,
        cli: { args: [], password: null },
        // What CLUSTER MEET, ADDSLOTS and REPLICATE would write, so that nobody needs to wait for gossip.
        files: { 'nodes.conf': nodesFile(places, own) },
        config: () => [
          `port ${own.port}`,
          userLine(user, rights),
          'cluster-enabled yes',
          'cluster-config-file nodes.conf',
          `cluster-port ${own.busPort}`,
          'cluster-node-timeout 1000',
          'cluster-replica-validity-factor 0',
          'repl-diskless-sync-delay 0',
        ],
      }),
    ),
  );
  await until('the Cluster is whole', async () => {
    const states = await Promise.all(nodes.map((node) => node.cli('CLUSTER', 'INFO')));
    const links = await Promise.all(nodes.slice(3).map((node) => node.cli('INFO', 'replication')));
    return (
      states.every((state) => state.includes('cluster_state:ok')) &&
      links.every((link) => link.includes('master_link_status:up'))
    );
  });
  const masterOf = (name: string): Promise<RedisProcess> => masterOfSlot(nodes, name);
  return {
    config: {
      servers: {
        kind: 'cluster',
        nodes: nodes.slice(0, 2).map(({ port }) => ({ host: '127.0.0.1', port })),
      },
      database: 0,
      username: USER,
      password: user,
      tls: null,
      protocol,
    },
    nodes,
    masterOf,
    failedOver: (name, former) =>
      until('another node has the slot', async () => (await masterOf(name)) !== former),
    everywhere: async (...command) => {
      await Promise.all(nodes.map((node) => node.cli(...command)));
    },
    stop: async () => {
      await Promise.all(nodes.map((node) => node.stop()));
    },
  };
}

async function layOut(): Promise<Place[]> {
  const ports = await freePorts(12);
  const ids = Array.from({ length: 6 }, () => randomBytes(20).toString('hex'));
  const slots = ['0-5460', '5461-10922', '10923-16383'];
  return ids.map((id, i) => ({
    port: ports[i] ?? 0,
    busPort: ports[i + 6] ?? 0,
    id,
    slots: slots[i] ?? null,
    follows: ids[i - 3] ?? '-',
  }));
}

function nodesFile(places: readonly Place[], own: Place): string {
  const lines = places.map((place, i) => {
    const role = place.slots === null ? 'slave' : 'master';
    const flags = place === own ? `myself,${role}` : role;
    const address = `127.0.0.1:${place.port}@${place.busPort}`;
    return `${place.id} ${address} ${flags} ${place.follows} 0 0 ${(i % 3) + 1} connected ${place.slots ?? ''}`;
  });
  return [...lines, 'vars currentEpoch 3 lastVoteEpoch 0', ''].join('\n');
}

/** As the first node that answers sees it. */
async function masterOfSlot(nodes: readonly RedisProcess[], name: string): Promise<RedisProcess> {
  for (const asked of nodes.filter(({ isResponsive }) => isResponsive)) {
    const slot = Number(await asked.cli('CLUSTER', 'KEYSLOT', name));
    const lines = (await asked.cli('CLUSTER', 'NODES')).split('\n').map((line) => line.split(' '));
    const [, address = ''] =
      lines.find(
        ([, , flags = '', , , , , , ...ranges]) =>
          flags.includes('master') && !flags.includes('fail') && ranges.some((range) => holds(range, slot)),
      ) ?? [];
    const found = nodes.find(({ port }) => address.startsWith(`127.0.0.1:${port}@`));
    if (found !== undefined) return found;
  }
  throw new Error(`no master has the slot of ${name}`);
}

function holds(range: string, slot: number): boolean {
  const [first = NaN, last = first] = range.split('-').map(Number);
  return first <= slot && slot <= last;
}
