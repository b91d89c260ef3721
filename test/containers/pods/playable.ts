import { parseAllDocuments, stringify } from 'yaml';

export type Manifest = Record<string, unknown>;

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
 * Kubernetes' own manifests as `podman play kube` reads them. What it takes differently than Kubernetes is changed:
 * probes are left out, which it would run with a program that the images have not, and secrets are given as
 * configuration, since podman 4.3 mounts them without decoding them.
 */
export function playable(manifests: readonly Manifest[], options: PlayOptions): string {
  const played = manifests.flatMap((manifest) => {
    if (manifest['kind'] === 'ConfigMap') return [manifest];
    if (manifest['kind'] === 'Secret') return [asConfigMap(manifest)];
    return manifest['kind'] === 'Deployment' || manifest['kind'] === 'Pod' ? [asPod(manifest, options)] : [];
  });
  return played.map((manifest) => stringify(manifest, { blockQuote: 'literal', lineWidth: 0 })).join('---\n');
}

export function manifestsIn(text: string): Manifest[] {
  return parseAllDocuments(text).flatMap((document) => {
    const manifest = document.toJS() as Manifest | null;
    return manifest === null ? [] : [manifest];
  });
}

/** What a secret is called as configuration, where its own name may be taken. */
function openName(name: unknown): string {
  return `${String(name)}-opened`;
}

function asConfigMap({ metadata, data, stringData }: Manifest): Manifest {
  const encoded = Object.entries((data ?? {}) as Record<string, string>);
  const plain = encoded.map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]);
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: openName((metadata as Manifest)['name']) },
    data: { ...Object.fromEntries(plain), ...(stringData as object | undefined) },
  };
}

/** A deployment's pod by itself has the name it is given, and no number after it. */
function asPod(manifest: Manifest, { name, hostPorts, images, without = [] }: PlayOptions): Manifest {
  const { metadata, spec } =
    manifest['kind'] === 'Pod' ? manifest : ((manifest['spec'] as Manifest)['template'] as Manifest);
  const { containers, volumes = [], ...rest } = spec as Manifest;
  const kept = (containers as Manifest[]).filter((container) => !without.includes(String(container['name'])));
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...(metadata as Manifest), name },
    spec: {
      ...rest,
      containers: kept.map((container) => ({
        ...asContainer(container, hostPorts),
        image: images[String(container['name'])] ?? container['image'],
      })),
      volumes: (volumes as Manifest[]).map(asVolume),
    },
  };
}

const PROBES = new Set(['startupProbe', 'livenessProbe', 'readinessProbe', 'lifecycle']);

function asContainer(container: Manifest, hostPorts: ReadonlyMap<number, number>): Manifest {
  const entries = Object.entries(container).filter(([name]) => !PROBES.has(name));
  const ports = ((container['ports'] ?? []) as Manifest[]).map((port) => {
    const hostPort = hostPorts.get(Number(port['containerPort']));
    return hostPort === undefined ? port : { ...port, hostPort, hostIP: '127.0.0.1' };
  });
  return { ...Object.fromEntries(entries), ...(ports.length === 0 ? {} : { ports }) };
}

function asVolume({ secret, ...volume }: Manifest): Manifest {
  if (secret === undefined) return volume;
  const { secretName, defaultMode: _, ...rest } = secret as Manifest;
  return { ...volume, configMap: { name: openName(secretName), ...rest } };
}
