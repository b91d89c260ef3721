import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  GenericContainer,
  Network,
  Wait,
  type StartedNetwork,
  type StartedTestContainer,
} from 'testcontainers';
import { AdminApi } from '../../proof/revocation/admin.ts';
import { freePorts } from '../support/redis-programs.ts';
import { engine, tryEngine } from './command.ts';
import { IMAGES } from './images.ts';

export const PORTS = { traffic: 8080, admin: 9090, keyService: 8081 } as const;

/** The tokens of a fleet; each is a file in /etc/plexgate-secrets. */
export interface Secrets {
  readonly serviceToken: string;
  readonly adminToken: string;
  readonly pepper: string;
}

/** How the containers of the image are run everywhere: nothing to write to, no capability, no way to gain one. */
class LockedContainer extends GenericContainer {
  constructor(image: string) {
    super(image);
    this.hostConfig.ReadonlyRootfs = true;
    this.withDroppedCapabilities('ALL').withSecurityOpt('no-new-privileges');
  }
}

const secret = (name: keyof Secrets): string => `\${file:/etc/plexgate-secrets/${name}}`;

const KEY_SERVICE = `
admin: { host: 0.0.0.0 }
redis: { url: redis://redis:6379 }
keyService:
  host: 0.0.0.0
  store: postgres://plexgate@postgres:5432/postgres
  serviceToken: ${secret('serviceToken')}
  adminToken: ${secret('adminToken')}
  peppers: { current: p1, p1: '${secret('pepper')}' }
`;

/** A gate of the fleet; `proxy` is what else its section has. */
export function gateConfig(proxy: string): string {
  return `
admin: { host: 0.0.0.0 }
redis: { url: redis://redis:6379 }
proxy:
  keys: { service: { url: 'http://key-service:8081', token: '${secret('serviceToken')}' } }
${proxy.replaceAll(/^(?=.)/gm, '  ')}`;
}

/** Redis, PostgreSQL, the key service and gates, each in a container of its own, in one network. */
export class Fleet {
  readonly network: StartedNetwork;
  readonly secrets: Secrets = {
    serviceToken: randomBytes(24).toString('hex'),
    adminToken: randomBytes(24).toString('hex'),
    pepper: randomBytes(24).toString('hex'),
  };
  readonly #folder = mkdtempSync(join(tmpdir(), 'plexgate-fleet-'));
  readonly #containers = new Map<string, StartedTestContainer>();

  private constructor(network: StartedNetwork) {
    this.network = network;
    // Readable by the image's user, who is nobody on this machine.
    chmodSync(this.#folder, 0o755);
    this.#files('secrets', { ...this.secrets });
  }

  static async start(): Promise<Fleet> {
    const fleet = new Fleet(await new Network().start());
    try {
      await Promise.all([
        fleet.#run(
          'redis',
          new GenericContainer(IMAGES.redis).withExposedPorts(6379),
          /Ready to accept connections/,
        ),
        fleet.#run(
          'postgres',
          new GenericContainer(IMAGES.postgres).withExposedPorts(5432),
          /database system is ready to accept connections/,
        ),
      ]);
      await fleet.#runPlexgate('key-service', KEY_SERVICE);
      return fleet;
    } catch (error) {
      await fleet.stop();
      throw error;
    }
  }

  /** A gate, once it is ready; `proxy` is the rest of its section. */
  async startGate(name: string, proxy: string): Promise<void> {
    await this.#runPlexgate(name, gateConfig(proxy));
  }

  get admin(): AdminApi {
    return new AdminApi(this.#port('key-service', PORTS.keyService), this.secrets.adminToken);
  }

  /** Where a gate takes requests, as seen from this machine. */
  gateUrl(name: string): string {
    return `http://127.0.0.1:${this.#port(name, PORTS.traffic)}`;
  }

  /** A paused container keeps its connections and answers nothing; a killed one is gone until it is started. */
  async make(name: string, become: 'pause' | 'unpause' | 'kill' | 'start'): Promise<void> {
    await engine([become, this.id(name)]);
  }

  id(name: string): string {
    return this.#container(name).getId();
  }

  async log(name: string): Promise<string> {
    const { stdout, stderr } = await tryEngine(['logs', this.id(name)]);
    return stdout + stderr;
  }

  async stop(): Promise<void> {
    for (const container of this.#containers.values()) await engine(['rm', '--force', container.getId()]);
    await this.network.stop();
    rmSync(this.#folder, { recursive: true });
  }

  async #runPlexgate(name: string, config: string): Promise<void> {
    const mounts = [
      {
        source: this.#files(name, { 'plexgate.yaml': config }),
        target: '/etc/plexgate',
        mode: 'ro' as const,
      },
      { source: join(this.#folder, 'secrets'), target: '/etc/plexgate-secrets', mode: 'ro' as const },
    ];
    // Of one's own choice, since Docker gives a container other ones when it is started again.
    const free = await freePorts(Object.keys(PORTS).length);
    const container = new LockedContainer(IMAGES.gate)
      .withExposedPorts(...Object.values(PORTS).map((port, i) => ({ container: port, host: free[i] ?? 0 })))
      .withBindMounts(mounts)
      .withWaitStrategy(Wait.forHttp('/readyz', PORTS.admin));
    await this.#start(name, container);
  }

  async #run(name: string, container: GenericContainer, ready: RegExp): Promise<void> {
    await this.#start(name, container.withWaitStrategy(Wait.forLogMessage(ready)));
  }

  async #start(name: string, container: GenericContainer): Promise<void> {
    const inNetwork = container.withNetwork(this.network).withNetworkAliases(name).withStartupTimeout(60_000);
    this.#containers.set(name, await inNetwork.start());
  }

  #container(name: string): StartedTestContainer {
    const container = this.#containers.get(name);
    if (container === undefined) throw new Error(`no container ${name}`);
    return container;
  }

  #port(name: string, port: number): number {
    return this.#container(name).getMappedPort(port);
  }

  #files(name: string, files: Readonly<Record<string, string>>): string {
    const folder = join(this.#folder, name);
    mkdirSync(folder, { mode: 0o755 });
    for (const [file, text] of Object.entries(files))
      writeFileSync(join(folder, file), text, { mode: 0o644 });
    return folder;
  }
}
