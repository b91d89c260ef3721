import type { TestPostgres } from '../../test/support/postgres.ts';
import { startRedis } from '../../test/support/redis-servers.ts';
import { Fleet, type FleetPlan } from '../revocation/fleet.ts';
import type { Stage } from '../revocation/proof.ts';
import { CountingUpstream } from './counting-upstream.ts';
import { OPEN_ROUTE, ROUTES } from './mixed-load.ts';
import { TIERS } from './people.ts';

export interface CountedFleet {
  readonly fleet: Fleet;
  readonly upstream: CountingUpstream;
}

export interface Size {
  readonly gates: number;
  readonly keyServices: number;
  /** Null: SQLite. */
  readonly postgres: TestPostgres | null;
  readonly drain: { readonly delay: string; readonly timeout: string };
}

/** Gates and key services in front of an upstream that counts, with the network between them in the proof's hands. */
export async function countedFleet(stage: Stage, size: Size): Promise<CountedFleet> {
  const { postgres, gates, keyServices, drain } = size;
  const redis = await startRedis();
  stage.atEnd(() => redis.stop());
  const upstream = await CountingUpstream.start(stage);
  const plan: Partial<FleetPlan> = {
    gates,
    keyServices,
    store: postgres === null ? 'sqlite' : (await postgres.createDatabase()).reveal(),
    relays: true,
    proxy: { drain, tiers: TIERS, routes: routesTo(upstream.origin) },
  };
  return { fleet: await Fleet.start(stage, { ...plan, redis: redis.port }), upstream };
}

function routesTo(upstream: string): object[] {
  const route = { profile: 'plexmcp', accept: ['x-api-key'] };
  return [
    ...ROUTES.map((path) => ({ ...route, match: { path }, upstream })),
    { ...route, match: { path: OPEN_ROUTE }, auth: 'none', upstream },
    { ...route, match: { path: '/v1/usage' }, upstream: 'key-service' },
    { ...route, match: { path: '/v1/api-keys' }, upstream: 'key-service' },
  ];
}
