import { describe, expect, it } from 'vitest';
import { containersOf, podOf, type Container, type PodSpec } from './pods.ts';
import { manifestsOf, VALUE_SETS, type Manifest } from './renders.ts';
import { examplePods } from './sidecar-pods.ts';

interface Deployment {
  readonly replicas?: number;
  readonly strategy: unknown;
  readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
  readonly template: {
    readonly metadata: Manifest['metadata'];
    readonly spec: PodSpec & { readonly topologySpreadConstraints?: readonly Spread[] };
  };
}
interface Spread {
  readonly topologyKey: string;
  readonly whenUnsatisfiable: string;
  readonly labelSelector?: unknown;
  readonly matchLabelKeys?: readonly string[];
}

const GATE = 'demo-plexgate';

async function objectOf<T>(set: string, kind: string, name = GATE, ...more: string[]): Promise<T> {
  const found = (await manifestsOf(set, undefined, ...more)).find(
    (one) => one.kind === kind && one.metadata.name === name,
  );
  if (found === undefined) throw new Error(`${set} has no ${kind} ${name}`);
  return found.spec as T;
}

async function podsIn(set: string): Promise<readonly PodSpec[]> {
  return (await manifestsOf(set)).map(podOf).filter((pod) => pod !== null);
}

/** Ours, not those that the values bring. */
function ours(pods: readonly PodSpec[]): readonly Container[] {
  return pods.flatMap(containersOf).filter(({ image }) => image.includes('plexgate'));
}

describe.each(VALUE_SETS)('pods of %s', (set) => {
  it('have no token of the API, no variables of other services, and no rights', async () => {
    for (const pod of await podsIn(set)) {
      expect(pod).toMatchObject({ automountServiceAccountToken: false, enableServiceLinks: false });
    }
    const kinds = (await manifestsOf(set)).map(({ kind }) => kind);
    expect(kinds.filter((kind) => /Role/.test(kind))).toEqual([]);
  });

  it('write nowhere but to /tmp, and mount folders whole', async () => {
    for (const container of ours(await podsIn(set))) {
      expect(container.securityContext?.readOnlyRootFilesystem).toBe(true);
      const mounts = (container.volumeMounts ?? []) as readonly { mountPath: string; readOnly?: boolean }[];
      const writable = mounts.filter(({ readOnly }) => readOnly !== true).map(({ mountPath }) => mountPath);
      expect(writable.filter((path) => !['/tmp', '/more'].includes(path))).toEqual([]);
      expect(JSON.stringify(mounts)).not.toContain('subPath');
    }
  });

  it('request CPU and memory, and have a limit of memory and none of CPU', async () => {
    for (const { resources } of ours(await podsIn(set))) {
      expect(Object.keys(resources?.requests ?? {}).sort()).toEqual(['cpu', 'memory']);
      expect(Object.keys(resources?.limits ?? {})).toEqual(['memory']);
    }
  });
});

describe('the gate', () => {
  it('is asked on the admin port whether it lives and whether it is ready', async () => {
    const { template } = await objectOf<Deployment>('gateway', 'Deployment');
    const [gate] = template.spec.containers;
    expect(gate?.livenessProbe?.httpGet).toEqual({ path: '/livez', port: 9090 });
    expect(gate?.readinessProbe?.httpGet).toEqual({ path: '/readyz', port: 9090 });
    expect(gate?.startupProbe?.httpGet).toEqual({ path: '/readyz', port: 9090 });
    expect(gate?.env).toEqual([
      {
        name: 'NODE_OPTIONS',
        value: '--max-old-space-size-percentage=60 --max-semi-space-size=16 --v8-pool-size=1',
      },
      { name: 'UV_THREADPOOL_SIZE', value: '4' },
    ]);
  });

  it.each([
    ['gateway', 35],
    ['everything', 120],
  ])('of %s is killed after %d seconds', async (set, seconds) => {
    const { template } = await objectOf<Deployment>(set, 'Deployment', set === 'everything' ? 'front' : GATE);
    expect(template.spec.terminationGracePeriodSeconds).toBe(seconds);
  });

  it('is replaced without a moment of fewer replicas', async () => {
    const { strategy, replicas } = await objectOf<Deployment>('gateway', 'Deployment');
    expect(strategy).toEqual({ type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } });
    expect(replicas).toBe(2);
  });

  it('leaves its replicas to an autoscaler', async () => {
    expect(await objectOf<Deployment>('hpa', 'Deployment')).not.toHaveProperty('replicas');
    const hpa = await objectOf<{ metrics: unknown[]; minReplicas: number }>('hpa', 'HorizontalPodAutoscaler');
    expect([hpa.minReplicas, hpa.metrics.length]).toEqual([3, 2]);
  });

  it('is replaced when its configuration changes, unless that is not wanted', async () => {
    const checksum = async (...more: string[]) =>
      (await objectOf<Deployment>('gateway', 'Deployment', GATE, ...more)).template.metadata.annotations?.[
        'plexgate/config-checksum'
      ];
    expect(await checksum()).toMatch(/^[0-9a-f]{64}$/);
    expect(await checksum('--set', 'config.logLevel=debug')).not.toBe(await checksum());
    expect(await checksum('--set', 'config.rolloutOnChange=false')).toBeUndefined();
  });

  it('is spread over zones and nodes where that can be done', async () => {
    const { template, selector } = await objectOf<Deployment>('hpa', 'Deployment');
    const constraints = template.spec.topologySpreadConstraints ?? [];
    expect(constraints.map(({ topologyKey }) => topologyKey)).toEqual([
      'topology.kubernetes.io/zone',
      'kubernetes.io/hostname',
    ]);
    for (const constraint of constraints) {
      expect(constraint).toMatchObject({
        whenUnsatisfiable: 'ScheduleAnyway',
        labelSelector: selector,
        matchLabelKeys: ['pod-template-hash'],
      });
    }
    const other = await objectOf<Deployment>('everything', 'Deployment', 'front-key-service');
    expect(other.template.spec.topologySpreadConstraints).toMatchObject([
      { whenUnsatisfiable: 'DoNotSchedule', labelSelector: other.selector },
    ]);
  });
});

describe('a disruption budget', () => {
  const budgets = async (set: string, ...more: string[]) =>
    (await manifestsOf(set, undefined, ...more))
      .filter(({ kind }) => kind === 'PodDisruptionBudget')
      .map(({ spec }) => spec);

  it.each([
    ['two replicas let one be away', 'redis-tls', [{ maxUnavailable: 1 }]],
    [
      'an autoscaler counts by its least',
      'hpa',
      [{ minAvailable: '50%', unhealthyPodEvictionPolicy: 'AlwaysAllow' }],
    ],
    ['one replica has none, which would keep a node from being emptied', 'smallest', []],
  ])('%s', async (_, set, expected) => {
    expect(await budgets(set)).toMatchObject(expected);
    expect(await budgets(set)).toHaveLength(expected.length);
  });

  it('is not there where it is off', async () => {
    expect(await budgets('redis-tls', '--set', 'pdb.enabled=false')).toEqual([]);
  });
});

describe('images', () => {
  it.each([
    ['gateway', 'ghcr.io/plexgate/plexgate:0.1.0', []],
    [
      'everything',
      `registry.example.com/plexgate/plexgate@sha256:${'0123456789abcdef'.repeat(4)}`,
      ['shared', 'own'],
    ],
  ])('of %s are all the same, with their secrets', async (set, image, secrets) => {
    const pods = await podsIn(set);
    expect(new Set(ours(pods).map((container) => container.image))).toEqual(new Set([image]));
    expect(pods.length).toBeGreaterThan(2);
    for (const pod of pods) expect((pod.imagePullSecrets ?? []).map(({ name }) => name)).toEqual(secrets);
  });
});

describe('the user that containers run as', () => {
  const usersOf = async (...more: string[]) =>
    [...(await manifestsOf('gateway', undefined, ...more)), ...(await examplePods('1.34', ...nested(more)))]
      .filter(({ kind }) => kind === 'Deployment')
      .flatMap((one) => ours([podOf(one)].filter((pod) => pod !== null)))
      .map(({ securityContext }) => securityContext?.runAsUser);
  const nested = (more: readonly string[]) => more.map((arg) => arg.replace('cluster', 'plexgate.cluster'));

  it('is nobody in particular, and never root', async () => {
    expect(await usersOf()).toEqual([65_532, 65_532, 65_532]);
  });

  it('is left to a cluster that picks users itself, in a sidecar as well', async () => {
    expect(await usersOf('--set', 'clusterPicksUser=true')).toEqual([undefined, undefined, undefined]);
  });
});

describe('labels', () => {
  const SELECTING = ['app.kubernetes.io/component', 'app.kubernetes.io/instance', 'app.kubernetes.io/name'];

  it.each(VALUE_SETS)('that select pods in %s are the few that never change', async (set) => {
    const deployments = (await manifestsOf(set)).filter(({ kind }) => kind === 'Deployment');
    for (const { spec } of deployments) {
      const { selector, template } = spec as Deployment;
      expect(Object.keys(selector.matchLabels).sort()).toEqual(SELECTING);
      expect(template.metadata.labels).toMatchObject(selector.matchLabels);
    }
  });

  it('are the values of whoever installs, too, on every object', async () => {
    for (const { metadata } of (await manifestsOf('everything')).filter(
      ({ metadata }) => !/extra|text/.test(metadata.name),
    )) {
      expect(metadata.labels).toMatchObject({ team: 'platform', 'app.kubernetes.io/managed-by': 'Helm' });
      expect(metadata.annotations).toMatchObject({ 'example.com/owner': 'platform' });
    }
  });
});
