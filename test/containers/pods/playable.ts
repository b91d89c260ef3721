import { stringify } from 'yaml';
import type { Manifest } from '../../chart/renders.ts';

type Fields = Record<string, unknown>;

export interface PlayOptions {
  readonly name: string;
  /** Where ports of containers are found on loopback of this machine. */
  readonly hostPorts: ReadonlyMap<number, number>;
  /** By the name of the container, what runs in place of the image that the manifest names. */
  readonly images: Readonly<Record<string, string>>;
  /** Containers that are left out. */
  readonly without?: readonly string[];
}

/**
 * Kubernetes' own manifests as `podman play kube` reads them: the pod of the Deployment and what it mounts. What podman
 * 4.3 takes differently than Kubernetes is changed, and nothing else.
 */
export function playable(manifests: readonly Manifest[], options: PlayOptions): string {
  const played = manifests.flatMap((manifest): object[] => {
    if (manifest.kind === 'ConfigMap') return [manifest];
    if (manifest.kind === 'Secret') return [asConfigMap(manifest)];
    return manifest.kind === 'Deployment' ? [asPod(manifest, options)] : [];
  });
  return played.map((manifest) => stringify(manifest, { blockQuote: 'literal', lineWidth: 0 })).join('---\n');
}

/** What a secret is called as configuration, where its own name may be taken. */
function openName(name: unknown): string {
  return `${String(name)}-opened`;
}

/** Podman would mount a secret without decoding it. */
function asConfigMap({ metadata, data = {}, stringData = {} }: Manifest): Manifest {
  const plain = Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]);
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: openName(metadata.name) },
    data: { ...Object.fromEntries(plain), ...stringData },
  };
}

/** A deployment's pod by itself has the name it is given, and no number after it. */
function asPod({ spec: deployment }: Manifest, { name, hostPorts, images, without = [] }: PlayOptions) {
  const { metadata, spec } = (deployment as Fields)['template'] as Record<'metadata' | 'spec', Fields>;
  const { containers, volumes = [], ...rest } = spec;
  const kept = (containers as Fields[]).filter((container) => !without.includes(String(container['name'])));
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...withoutAnnotations(metadata), name },
    spec: {
      ...rest,
      containers: kept.map((container) => ({
        ...asContainer(container, hostPorts),
        image: images[String(container['name'])] ?? container['image'],
      })),
      volumes: (volumes as Fields[]).map(asVolume),
    },
  };
}

/** Podman refuses annotations of more than 63 characters, and a checksum has 64. */
function withoutAnnotations(metadata: Fields): Fields {
  const { annotations: _, ...rest } = metadata;
  return rest;
}

/**
 * Podman runs probes with a program that the images have not, and nothing before SIGTERM: both containers hear it at
 * once, which leaves the gate less time and not more.
 */
const LEFT_OUT = new Set(['startupProbe', 'livenessProbe', 'readinessProbe', 'lifecycle']);

/** Podman brings a port to the machine that it is told of. */
function asContainer(container: Fields, hostPorts: ReadonlyMap<number, number>): Fields {
  const entries = Object.entries(container).filter(([name]) => !LEFT_OUT.has(name));
  const ports = ((container['ports'] ?? []) as Fields[]).map((port) => {
    const hostPort = hostPorts.get(Number(port['containerPort']));
    return hostPort === undefined ? port : { ...port, hostPort, hostIP: '127.0.0.1' };
  });
  return { ...Object.fromEntries(entries), ...(ports.length === 0 ? {} : { ports }) };
}

/** Podman gives the files of a configuration no mode of their own. */
function asVolume({ secret, ...volume }: Fields): Fields {
  if (secret === undefined) return volume;
  const { secretName, defaultMode: _, ...rest } = secret as Fields;
  return { ...volume, configMap: { name: openName(secretName), ...rest } };
}
