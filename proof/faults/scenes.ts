import { readdirSync, readFileSync } from 'node:fs';
import { startPostgres, type TestPostgres } from '../../test/support/postgres.ts';
import { startRedis } from '../../test/support/redis-servers.ts';
import { Fleet, type FleetPlan } from '../revocation/fleet.ts';
import type { Stage } from '../revocation/proof.ts';
import { Relay } from '../revocation/relay.ts';
import type { Dependency } from './dependency.ts';
import { ofBytes, ofHttp, ofRedis } from './nonsense.ts';
import { UpstreamProcess } from './upstream-process.ts';

export interface Scene {
  readonly fleet: Fleet;
  readonly dependency: Dependency;
  /** Whether keys are judged by what was known before, and counted, once the fence has passed. */
  readonly goesStale?: true;
}

/** How long an upstream may be silent here; by default it is a minute. */
export const FIRST_BYTE_MS = 500;
/** Wider than what is sent, of each gate's part as well. */
const TIERS = { standard: { default: 'unlimited', silver: ['200/second'] } };

/** The dependencies by the names that the documents have, each with a fleet of its own around it. */
export const SCENES: Readonly<Record<string, (stage: Stage) => Promise<Scene>>> = {
  async Redis(stage) {
    const redis = await startRedis();
    stage.atEnd(() => redis.stop());
    const fleet = await fleetOf(stage, redis.port, { relays: true, keyServiceRelays: true });
    const relays = [...fleet.gates, ...fleet.keyServices].flatMap(({ toRedis }) => toRedis ?? []);
    return {
      fleet,
      dependency: {
        relays,
        nonsense: ofRedis(),
        kill: () => redis.kill(),
        start: () => redis.start(),
        freeze: () => redis.pause(),
        thaw: () => redis.resume(),
      },
    };
  },

  async 'key service'(stage) {
    const fleet = await withRedis(stage, { relays: true });
    const [{ program } = none()] = fleet.keyServices;
    const relays = fleet.gates.flatMap(({ toKeyService }) => toKeyService ?? []);
    return { fleet, dependency: ofProgram(program, relays, ofHttp()), goesStale: true };
  },

  async PostgreSQL(stage) {
    const postgres = await startPostgres();
    stage.atEnd(() => postgres.stop());
    const relay = await Relay.open(stage, () => postgres.port);
    const url = new URL((await postgres.createDatabase()).reveal());
    url.port = String(relay.port);
    const fleet = await withRedis(stage, { store: url.href });
    return {
      fleet,
      goesStale: true,
      dependency: {
        relays: [relay],
        nonsense: ofBytes(),
        kill: () => postgres.halt('immediate'),
        start: () => postgres.start(),
        freeze: () => signalAll(postgres, 'SIGSTOP'),
        thaw: () => signalAll(postgres, 'SIGCONT'),
      },
    };
  },

  async upstream(stage) {
    const upstream = await UpstreamProcess.start(stage);
    const relay = await Relay.open(stage, () => upstream.port);
    const fleet = await withRedis(stage, {
      proxy: {
        tiers: TIERS,
        timeouts: { connect: '500ms', firstByte: `${FIRST_BYTE_MS}ms` },
        routes: [{ profile: 'standard', upstream: `http://127.0.0.1:${relay.port}` }],
      },
    });
    return { fleet, dependency: ofProgram(upstream, [relay], ofBytes()) };
  },
};

function fleetOf(stage: Stage, redis: number, plan: Partial<FleetPlan>): Promise<Fleet> {
  return Fleet.start(stage, { gates: 2, redis, proxy: { tiers: TIERS }, ...plan });
}

async function withRedis(stage: Stage, plan: Partial<FleetPlan>): Promise<Fleet> {
  const redis = await startRedis();
  stage.atEnd(() => redis.stop());
  return fleetOf(stage, redis.port, plan);
}

function ofProgram(
  program: Pick<UpstreamProcess, 'kill' | 'start' | 'freeze' | 'thaw'>,
  relays: readonly Relay[],
  nonsense: Dependency['nonsense'],
): Dependency {
  return {
    relays,
    nonsense,
    kill: () => program.kill(),
    start: () => program.start(),
    freeze: () => program.freeze(),
    thaw: () => program.thaw(),
  };
}

function none(): never {
  throw new Error('a fleet without a key service');
}

/** The server and the processes it serves its connections with. */
function signalAll(postgres: TestPostgres, signal: NodeJS.Signals): void {
  const [line = ''] = readFileSync(`${postgres.folder}/data/postmaster.pid`, 'utf8').split('\n');
  const postmaster = Number(line);
  const children = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && parentOf(name) === postmaster);
  for (const pid of [postmaster, ...children.map(Number)]) process.kill(pid, signal);
}

function parentOf(pid: string): number | null {
  try {
    return Number(/^PPid:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  } catch {
    // It has just ended.
    return null;
  }
}
