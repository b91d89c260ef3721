import { checkBinary } from '../../chart/helm.ts';
import { manifestsIn, sidecarExample, type Manifest } from '../../chart/renders.ts';
import { freePorts } from '../../support/redis-programs.ts';
import { until } from '../../support/until.ts';
import { engine, inspect, tryEngine } from '../command.ts';
import { PORTS, type Fleet } from '../fleet.ts';
import { IMAGES } from '../images.ts';
import { playable } from './playable.ts';

/** What is asked of a container here. */
export interface ContainerState {
  readonly Id: string;
  readonly State: { readonly Pid: number; readonly Running: boolean; readonly OOMKilled: boolean };
  readonly HostConfig: { readonly Memory: number; readonly ReadonlyRootfs: boolean };
}

/** Time enough for the gate's drain, and the service goes on for longer than that. */
const DRAIN_S = { delay: 1, timeout: 4, service: 6 } as const;
/** What the chart makes of that drain: `terminationGracePeriodSeconds`. */
const GRACE_S = 15;

/** The service and its gate, sharing a network namespace, in the network of a fleet. */
export class Pod {
  readonly name: string;
  readonly #fleet: Fleet;
  readonly #without: readonly string[];
  readonly #hostPorts: ReadonlyMap<number, number>;

  private constructor(
    name: string,
    fleet: Fleet,
    without: readonly string[],
    hostPorts: Map<number, number>,
  ) {
    this.name = name;
    this.#fleet = fleet;
    this.#without = without;
    this.#hostPorts = hostPorts;
  }

  static async play(name: string, fleet: Fleet, without: readonly string[] = []): Promise<Pod> {
    const [traffic = 0, admin = 0] = await freePorts(2);
    const hostPorts = new Map([
      [PORTS.traffic as number, traffic],
      [PORTS.admin as number, admin],
    ]);
    const pod = new Pod(name, fleet, without, hostPorts);
    await pod.#play([]);
    return pod;
  }

  /** Ends its containers and plays it anew in its place. */
  async replace(): Promise<void> {
    await this.stop();
    await this.#play(['--replace']);
  }

  get url(): string {
    return `http://127.0.0.1:${this.#hostPorts.get(PORTS.traffic)}`;
  }

  get adminUrl(): string {
    return `http://127.0.0.1:${this.#hostPorts.get(PORTS.admin)}`;
  }

  /** Its own address in the network of the fleet. */
  async address(): Promise<string> {
    const infra = await engine(['pod', 'inspect', '--format', '{{.InfraContainerID}}', this.name]);
    const { NetworkSettings } = await inspect<{
      NetworkSettings: { Networks: Record<string, { IPAddress: string }> };
    }>('container', infra);
    return Object.values(NetworkSettings.Networks)[0]?.IPAddress ?? '';
  }

  /** Where the gate takes requests in the network of the fleet; another one after it has been played anew. */
  async directUrl(): Promise<string> {
    return `http://${await this.address()}:${PORTS.traffic}`;
  }

  async isReady(): Promise<boolean> {
    const answer = await fetch(`${this.adminUrl}/readyz`, { signal: AbortSignal.timeout(1_000) });
    await answer.arrayBuffer();
    return answer.status === 200;
  }

  async untilReady(): Promise<void> {
    try {
      await until(`${this.name} is ready`, () => this.isReady());
    } catch (error) {
      throw new Error(await this.log('plexgate'), { cause: error });
    }
  }

  container(name: 'app' | 'plexgate'): Promise<ContainerState> {
    return inspect<ContainerState>('container', `${this.name}-${name}`);
  }

  async log(name: 'app' | 'plexgate'): Promise<string> {
    const { stdout, stderr } = await tryEngine(['logs', `${this.name}-${name}`]);
    return stdout + stderr;
  }

  /**
   * As Kubernetes ends a pod: SIGTERM to all of its containers at once, and the network goes when they have ended.
   * `podman pod stop` takes the network away while they are still at it.
   */
  async stop(): Promise<void> {
    await engine(['stop', '--time', String(GRACE_S), `${this.name}-app`, `${this.name}-plexgate`]);
  }

  async remove(): Promise<void> {
    await engine(['pod', 'rm', '--force', '--time', '0', this.name]);
  }

  async #play(more: readonly string[]): Promise<void> {
    const text = playable([...(await sidecarManifests()), secretOf(this.#fleet)], {
      name: this.name,
      hostPorts: this.#hostPorts,
      images: { app: IMAGES.app, plexgate: IMAGES.gate },
      without: this.#without,
    });
    await engine(['play', 'kube', '--network', this.#fleet.network.getName(), ...more, '-'], text);
  }
}

/**
 * What the chart renders for a service with the gate beside it, as a container like the others: podman has no native
 * sidecars. `redis` and `key-service` are names of the fleet.
 */
async function sidecarManifests(): Promise<readonly Manifest[]> {
  checkBinary();
  const values = [
    'plexgate.keys.service.url=http://key-service:8081',
    'plexgate.externalRedis.url=redis://redis:6379',
    `plexgate.drain.delaySeconds=${DRAIN_S.delay}`,
    `plexgate.drain.timeoutSeconds=${DRAIN_S.timeout}`,
    `app.args={/app.js,--drain-ms=${DRAIN_S.service * 1000}}`,
  ];
  return manifestsIn(await sidecarExample('1.28', ...values.flatMap((value) => ['--set', value])));
}

/** The secret that the manifests expect to be there. */
function secretOf({ secrets }: Fleet): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'plexgate' },
    stringData: { 'service-token': secrets.serviceToken },
  };
}
