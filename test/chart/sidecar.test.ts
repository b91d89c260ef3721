import { describe, expect, it } from 'vitest';
import { containersOf, podOf, type Container, type PodSpec } from './pods.ts';
import { manifestsOf, SIDECAR_CHART, template, type Manifest } from './renders.ts';
import { examplePods } from './sidecar-pods.ts';
import { helm, withDependency } from './helm.ts';

interface Example {
  readonly pod: PodSpec;
  readonly metadata: Manifest['metadata'];
  readonly gate: Container;
  readonly manifests: readonly Manifest[];
}

async function exampleOf(version: string, ...more: string[]): Promise<Example> {
  const manifests = await examplePods(version, ...more);
  const deployment = manifests.find(({ kind }) => kind === 'Deployment');
  const pod = deployment === undefined ? null : podOf(deployment);
  const gate = pod === null ? undefined : containersOf(pod).find(({ name }) => name === 'plexgate');
  if (deployment === undefined || pod === null || gate === undefined) throw new Error('no pod with a gate');
  const { metadata } = (deployment.spec as { template: { metadata: Manifest['metadata'] } }).template;
  return { pod, metadata, gate, manifests };
}

describe('where the gate stands in the pod', () => {
  it.each([
    ['1.28', 'auto', false],
    ['1.29', 'auto', true],
    ['1.34', 'auto', true],
    ['1.34', 'false', false],
    ['1.29', 'true', true],
  ])('on %s with sidecar.native=%s: native %s', async (version, native, isNative) => {
    const { pod, gate } = await exampleOf(version, '--set', `plexgate.sidecar.native=${native}`);
    expect(pod.containers.map(({ name }) => name)).toEqual(isNative ? ['app'] : ['app', 'plexgate']);
    expect((pod.initContainers ?? []).map(({ name }) => name)).toEqual(isNative ? ['plexgate'] : []);
    expect(gate.restartPolicy).toBe(isNative ? 'Always' : undefined);
  });
});

describe('a native sidecar', () => {
  it('lets the service start when it is ready, and is told of its end after the service', async () => {
    const { gate, pod } = await exampleOf('1.34');
    expect(gate.startupProbe).toMatchObject({ periodSeconds: 1, httpGet: { path: '/readyz', port: 9090 } });
    expect(gate.startupProbe?.failureThreshold).toBeGreaterThanOrEqual(60);
    expect(gate.lifecycle).toBeUndefined();
    expect(pod.terminationGracePeriodSeconds).toBe(35);
  });
});

describe('a sidecar that is no native one', () => {
  it.each([
    ['1.28', { exec: { command: ['/nodejs/bin/node', '-e', 'setTimeout(() => {}, 5000)'] } }],
    ['1.34', { sleep: { seconds: 5 } }],
  ])('on %s waits before it hears of its end, and has time for that', async (version, preStop) => {
    const { gate, pod } = await exampleOf(version, '--set', 'plexgate.sidecar.native=false');
    expect(gate.lifecycle).toEqual({ preStop });
    expect(pod.terminationGracePeriodSeconds).toBe(40);
  });
});

describe('the pod of a service', () => {
  it('has the service on loopback, and a Service that leads to the gate by its number', async () => {
    const { pod, manifests } = await exampleOf('1.34');
    const [app] = pod.containers;
    expect(app?.env).toContainEqual({ name: 'HOST', value: '127.0.0.1' });
    expect(app?.ports).toBeUndefined();
    const service = manifests.find(({ kind }) => kind === 'Service');
    expect(service?.spec).toMatchObject({ ports: [{ port: 80, targetPort: 8080 }] });
  });

  it('has nothing that listens but the gate where the gate is left out', async () => {
    const { pod, gate } = await exampleOf('1.34');
    const open = containersOf(pod)
      .filter((one) => one !== gate)
      .flatMap(({ ports = [] }) => ports);
    expect(open).toEqual([]);
  });

  it('has every volume that the gate mounts', async () => {
    const { pod, gate } = await exampleOf('1.34');
    const volumes = (pod.volumes ?? []).map((volume) => volume['name']);
    for (const { name } of gate.volumeMounts ?? []) expect(volumes).toContain(name);
  });

  it('is found by the PodMonitor and the NetworkPolicy of its release', async () => {
    const { metadata, manifests } = await exampleOf(
      '1.34',
      '--set',
      'plexgate.networkPolicy.enabled=true,plexgate.metrics.podMonitor.enabled=true',
    );
    const policy = manifests.find(({ kind }) => kind === 'NetworkPolicy')?.spec;
    const monitor = manifests.find(({ kind }) => kind === 'PodMonitor')?.spec;
    const { podSelector } = policy as { podSelector: { matchLabels: object } };
    const { selector } = monitor as { selector: { matchLabels: object } };
    expect(metadata.labels).toMatchObject(podSelector.matchLabels);
    expect(metadata.labels).toMatchObject(selector.matchLabels);
  });

  it('is replaced when the configuration of its gate changes', async () => {
    const checksum = async (...more: string[]) =>
      (await exampleOf('1.34', ...more)).metadata.annotations?.['plexgate/config-checksum'];
    expect(await checksum()).toMatch(/^[0-9a-f]{64}$/);
    expect(await checksum('--set', 'plexgate.sidecar.upstreamPort=4000')).not.toBe(await checksum());
  });

  it('may have values for all charts, and its own settings of the gate', async () => {
    const { gate } = await exampleOf(
      '1.34',
      '--set',
      'global.imageRegistry=registry.example.com,global.other=1',
    );
    expect(gate.image).toBe('registry.example.com/plexgate/plexgate:0.1.0');
  });
});

describe('a release of sidecars', () => {
  it('brings their configuration and no gate of its own', async () => {
    const kinds = (await manifestsOf('sidecar-native')).map(({ kind }) => kind);
    expect(kinds.sort()).toEqual(['ConfigMap', 'NetworkPolicy', 'PodMonitor']);
  });

  it('is nothing that a key service by itself needs', async () => {
    const manifests = await manifestsOf('key-service');
    const count = (kind: string) => manifests.filter((one) => one.kind === kind).length;
    expect(['Deployment', 'ConfigMap', 'NetworkPolicy', 'Service'].map(count)).toEqual([1, 1, 1, 1]);
  });

  it('may bring their key service', async () => {
    const deployments = (await manifestsOf('sidecar-fleet')).filter(({ kind }) => kind === 'Deployment');
    expect(deployments.map(({ metadata }) => metadata.name)).toEqual(['demo-plexgate-key-service']);
  });
});

describe('a service whose gate is not there', () => {
  it.each([
    ['switched off', 'plexgate.enabled=false', /plexgate/],
    ['set up as a gateway', 'plexgate.mode=gateway', /mode is not sidecar|config\.proxy\.routes is missing/],
  ])('is not rendered at all: %s', async (_, change, message) => {
    const { code, stdout, stderr } = await withDependency(SIDECAR_CHART, (folder) =>
      helm(['template', 'shop', folder, '--set', change]),
    );
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(message);
  });

  it('is not rendered without the secret of its gate either', async () => {
    const { code, stderr } = await template('sidecar-native', '1.34', '--set', 'secrets.existingSecret=');
    expect(code).toBe(1);
    expect(stderr).toContain('secrets.existingSecret is missing');
  });
});
