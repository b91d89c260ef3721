import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { AdminApi } from './admin.ts';
import { askOnce } from './connection.ts';
import { startExampleKeyService } from './example-key-service.ts';
import type { Stage } from './proof.ts';
import { Program } from './program.ts';
import { Relay } from './relay.ts';
import { Scrape } from './scrape.ts';
import { startUpstream } from './upstream.ts';

export interface FleetPlan {
  readonly gates: number;
  readonly keyServices: number;
  /** `sqlite`, or the URL of a PostgreSQL database. */
  readonly store: string;
  /** The `redis` section of every process; a port of loopback stands for one server. */
  readonly redis: number | object;
  /** Whether harness relays stand between each gate and the key services, and each gate and Redis. */
  readonly relays: boolean;
  /** The same between the key services and Redis. */
  readonly keyServiceRelays: boolean;
  /** More of `proxy.keys`. */
  readonly keys: object;
  /** More of `proxy`. */
  readonly proxy: object;
  readonly logLevel: string;
  /** How large the heap of a gate may grow; null: as large as the machine lets it. */
  readonly gateHeapMiB: number | null;
  /** Stands before the names of files, where a proof has several fleets. */
  readonly label: string;
}

const PLAN: Omit<FleetPlan, 'redis'> = {
  gates: 5,
  keyServices: 1,
  store: 'sqlite',
  relays: false,
  keyServiceRelays: false,
  keys: {},
  proxy: {},
  logLevel: 'warn',
  gateHeapMiB: null,
  label: '',
};

/** What the key service grants where nobody shortens it. */
export const FENCE_MS = 2000;
/** After this, a change is certain on who has not confirmed it. */
export const FENCED_MS = 1.15 * FENCE_MS;

export interface Gate {
  readonly program: Program;
  readonly port: number;
  /** Null where the fleet has no relays. */
  readonly toKeyService: Relay | null;
  readonly toRedis: Relay | null;
}

export interface KeyServiceProcess {
  readonly program: Program;
  readonly port: number;
  readonly admin: AdminApi;
  readonly toRedis: Relay | null;
}

/** The secrets of one fleet, made for it. */
export interface FleetSecrets {
  readonly service: string;
  readonly admin: string;
  readonly pepper: string;
}

/** Gates, key services and the upstream of one proof, as processes of their own. */
export class Fleet {
  readonly gates: readonly Gate[];
  readonly keyServices: readonly KeyServiceProcess[];
  readonly secrets: FleetSecrets;

  constructor(gates: readonly Gate[], keyServices: readonly KeyServiceProcess[], secrets: FleetSecrets) {
    this.gates = gates;
    this.keyServices = keyServices;
    this.secrets = secrets;
  }

  static async start(
    stage: Stage,
    plan: Partial<FleetPlan> & Pick<FleetPlan, 'redis'>,
    secrets: FleetSecrets = newSecrets(),
  ): Promise<Fleet> {
    const whole = { ...PLAN, ...plan };
    const upstream = await startUpstream(stage);
    const keyServices: KeyServiceProcess[] = [];
    for (let i = 1; i <= whole.keyServices; i++) {
      const name = named(whole, `key-service-${i}`);
      keyServices.push(
        stage.keyService === 'example'
          ? await startExampleKeyService(stage, secrets, name)
          : await startKeyService(stage, whole, secrets, name),
      );
    }
    const gates = await Promise.all(
      Array.from({ length: whole.gates }, (_, i) =>
        startGate(stage, whole, {
          secrets,
          keyServices,
          upstream: upstream.origin,
          name: named(whole, `gate-${i + 1}`),
        }),
      ),
    );
    return new Fleet(gates, keyServices, secrets);
  }

  /** Of the first key service. */
  get admin(): AdminApi {
    const [first] = this.keyServices;
    if (first === undefined) throw new Error('a fleet without a key service');
    return first.admin;
  }

  get programs(): readonly Program[] {
    return [...this.gates, ...this.keyServices].map(({ program }) => program);
  }

  scrape(gate: Gate): Promise<Scrape> {
    return Scrape.of(gate.program.ports[0] ?? 0);
  }

  /** Waits until every gate answers 200 for this key. */
  async warm(key: string): Promise<void> {
    await Promise.all(this.gates.map((gate) => until200(gate, key)));
  }
}

export async function until200({ port, program }: Gate, key: string, patienceMs = 60_000): Promise<void> {
  const end = performance.now() + patienceMs;
  for (;;) {
    const answer = await askOnce(port, key);
    if (answer.status === 200) return;
    if (performance.now() > end) {
      throw new Error(`${program.name} answers ${answer.status} for a good key: ${answer.body}`);
    }
    await pause(50);
  }
}

function named({ label }: FleetPlan, name: string): string {
  return label === '' ? name : `${label}-${name}`;
}

export function newSecrets(): FleetSecrets {
  const secret = (): string => randomBytes(24).toString('hex');
  return { service: secret(), admin: secret(), pepper: secret() };
}

async function startKeyService(
  stage: Stage,
  plan: FleetPlan,
  secrets: FleetSecrets,
  name: string,
): Promise<KeyServiceProcess> {
  const toRedis = plan.keyServiceRelays ? await redisRelay(stage, plan) : null;
  const program = await Program.start(stage, {
    name,
    ports: 2,
    config: ([admin, port]) => ({
      admin: { port: admin },
      redis: redisOf(plan, toRedis),
      keyService: {
        port,
        store: plan.store === 'sqlite' ? `sqlite:${stage.folder}/${named(plan, 'keys.db')}` : plan.store,
        serviceToken: secrets.service,
        adminToken: secrets.admin,
        peppers: { current: 'p1', p1: secrets.pepper },
      },
      log: { level: plan.logLevel },
    }),
  });
  const port = program.ports[1] ?? 0;
  return { program, port, admin: new AdminApi(port, secrets.admin), toRedis };
}

interface GateNeeds {
  readonly name: string;
  readonly secrets: FleetSecrets;
  readonly keyServices: readonly KeyServiceProcess[];
  readonly upstream: string;
}

async function startGate(stage: Stage, plan: FleetPlan, needs: GateNeeds): Promise<Gate> {
  const { name, secrets, keyServices, upstream } = needs;
  const toKeyService = plan.relays ? await Relay.open(stage, balancer(keyServices)) : null;
  const toRedis = plan.relays ? await redisRelay(stage, plan) : null;
  const keyServicePort = toKeyService?.port ?? keyServices[0]?.port;
  const program = await Program.start(stage, {
    name,
    ports: 2,
    heapMiB: plan.gateHeapMiB,
    config: ([admin, port]) => ({
      admin: { port: admin },
      redis: redisOf(plan, toRedis),
      proxy: {
        host: '127.0.0.1',
        port,
        keys: {
          service: { url: `http://127.0.0.1:${keyServicePort}`, token: secrets.service },
          ...plan.keys,
        },
        failedAuthentication: 'off',
        tiers: { standard: { default: 'unlimited', silver: 'unlimited', gold: 'unlimited' } },
        routes: [{ profile: 'standard', upstream }],
        ...plan.proxy,
      },
      log: { level: plan.logLevel },
    }),
  });
  return { program, port: program.ports[1] ?? 0, toKeyService, toRedis };
}

function redisRelay(stage: Stage, { redis }: FleetPlan): Promise<Relay> {
  if (typeof redis !== 'number') throw new Error('a relay stands before one server only');
  return Relay.open(stage, () => redis);
}

function redisOf({ redis }: FleetPlan, relay: Relay | null): object {
  if (typeof redis !== 'number') return redis;
  return { url: `redis://127.0.0.1:${relay?.port ?? redis}` };
}

/** The key services that run in turn, as a balancer with health checks would. */
function balancer(keyServices: readonly KeyServiceProcess[]): () => number {
  let next = 0;
  return () => {
    const running = keyServices.filter(({ program }) => program.isRunning);
    const among = running.length > 0 ? running : keyServices;
    return among[next++ % among.length]?.port ?? 0;
  };
}
