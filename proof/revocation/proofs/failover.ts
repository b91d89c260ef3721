import { setTimeout as pause } from 'node:timers/promises';
import type { RedisService } from '../../../test/support/redis-access.ts';
import type { RedisProcess } from '../../../test/support/redis-process.ts';
import { startRedisCluster, startRedisSentinel } from '../../../test/support/redis-servers.ts';
import { makeKey, propagationOf, type MadeKey } from '../admin.ts';
import { reasonOf, type Answer } from '../connection.ts';
import { Fleet } from '../fleet.ts';
import { Load } from '../load.ts';
import type { Findings, Proof, Stage } from '../proof.ts';
import { redisSection } from '../redis-section.ts';

const KEYS = 20;
/** What the gates take to follow, once another server is the master. */
const FOLLOW_MS = 1000;
const STEADY_MS = 1500;
const AFTERWARDS_MS = 3000;
const HEAD = 'plexgate:head';
const RIGHTS = ['~*', '&*', '+@all'];

/** The master of Redis is killed under load, and nobody is told anything wrong. */
export const failover: Proof = {
  name: 'failover',
  async run(stage, findings) {
    const sentinel = await startRedisSentinel(3);
    await failOver(stage, findings, 'Sentinel', {
      redis: sentinel,
      master: () => sentinel.master(),
      failedOver: (former) => sentinel.failedOver(former),
    });
    const cluster = await startRedisCluster(3, RIGHTS);
    await failOver(stage, findings, 'Cluster', {
      redis: cluster,
      master: () => cluster.masterOf(HEAD),
      failedOver: (former) => cluster.failedOver(HEAD, former),
    });
  },
};

interface Topology {
  readonly redis: RedisService;
  master(): Promise<RedisProcess>;
  /** Resolves when another server is the master, with the time that took. */
  failedOver(former: RedisProcess): Promise<number>;
}

/** A key, and what it is to be answered. */
interface Expected {
  readonly key: string;
  readonly status: 200 | 401;
}

async function failOver(stage: Stage, findings: Findings, name: string, topology: Topology): Promise<void> {
  stage.atEnd(() => topology.redis.stop());
  const fleet = await Fleet.start(stage, {
    gates: stage.quick ? 2 : 5,
    redis: redisSection(topology.redis.config),
    proxy: { tiers: { standard: { default: 'unlimited', silver: ['60000000/minute'] } } },
    label: name.toLowerCase(),
  });
  const { expected, spare } = await makeKeys(fleet);
  const answers: { readonly answer: Answer; readonly expected: Expected }[] = [];
  const load = new Load<Expected>({
    gates: fleet.gates,
    connectionsPerGate: 10,
    everyMs: stage.quick ? 100 : 50,
    next: () => {
      const about = stage.random.oneOf(expected);
      return { key: about.key, about };
    },
    seen: ({ about, answer }) => void answers.push({ answer, expected: about }),
  });
  await pause(STEADY_MS);
  const former = await topology.master();
  const killedAt = performance.now();
  await former.kill();
  const during = fleet.admin.revoke(spare[0].keyId);
  await topology.failedOver(former);
  const overMs = performance.now() - killedAt;
  await pause(AFTERWARDS_MS);
  const afterwards = fleet.admin.revoke(spare[1].keyId);
  for (const reply of await Promise.all([during, afterwards])) {
    const { members, acked } = propagationOf(reply);
    findings.must(
      reply.status === 200 && members === fleet.gates.length && acked === members,
      `${name}: DELETE answered ${reply.status}, ${acked} of ${members} acked`,
    );
  }
  await load.stop();
  judge(findings, name, { answers, lost: load.lost, killedAt, overMs });
}

async function makeKeys(fleet: Fleet) {
  await fleet.admin.putOwner('owner', { profile: 'standard', tier: 'default' });
  await fleet.admin.putOwner('limited', { profile: 'standard', tier: 'silver' });
  const made: MadeKey[] = [];
  for (let i = 0; i < KEYS; i++) made.push(await makeKey(fleet.admin, i % 2 === 0 ? 'owner' : 'limited'));
  for (const { key } of made) await fleet.warm(key);
  const [gone, first, second, ...rest] = made as [MadeKey, MadeKey, MadeKey, ...MadeKey[]];
  await fleet.admin.revoke(gone.keyId);
  const expected: Expected[] = rest.map(({ key }) => ({ key, status: 200 }));
  expected.push({ key: gone.key, status: 401 });
  return { expected, spare: [first, second] as const };
}

function judge(
  findings: Findings,
  name: string,
  seen: {
    readonly answers: readonly { readonly answer: Answer; readonly expected: Expected }[];
    readonly lost: number;
    readonly killedAt: number;
    readonly overMs: number;
  },
): void {
  const { answers, lost, killedAt, overMs } = seen;
  const failures: Answer[] = [];
  for (const { answer, expected } of answers) {
    if (answer.status === expected.status) continue;
    if (answer.status >= 500) failures.push(answer);
    else findings.must(false, `${name}: ${answer.status} ${reasonOf(answer)} instead of ${expected.status}`);
  }
  findings.must(lost === 0, `${name}: ${lost} requests had no answer`);
  const late = failures.filter(
    ({ begunAt }) => begunAt < killedAt || begunAt > killedAt + overMs + FOLLOW_MS,
  );
  findings.must(
    late.length === 0,
    `${name}: ${late.length} answers of 5xx outside of the failover's ${(overMs / 1000).toFixed(1)} s`,
  );
  findings.note(
    `${name}: ${answers.length} answers, failover took ${(overMs / 1000).toFixed(1)} s, ${failures.length} answers of 5xx`,
  );
}
