import type { Container, PodSpec } from './pods.ts';

interface Volume {
  readonly name: string;
  readonly secret?: {
    readonly secretName: string;
    readonly items: readonly { readonly key: string; readonly path: string }[];
  };
  readonly configMap?: { readonly name: string };
}

/** Files that a container finds of Secrets: path to the Secret's name and key. */
export function secretFiles(
  pod: PodSpec,
  container: Container,
): ReadonlyMap<string, readonly [string, string]> {
  const volumes = (pod.volumes ?? []) as unknown as readonly Volume[];
  const files = new Map<string, readonly [string, string]>();
  for (const { name, mountPath } of container.volumeMounts ?? []) {
    const secret = volumes.find((volume) => volume.name === name)?.secret;
    for (const { key, path } of secret?.items ?? [])
      files.set(`${mountPath}/${path}`, [secret?.secretName ?? '', key]);
  }
  return files;
}

/** The ConfigMap that a container has its configuration of. */
export function configMapOf(pod: PodSpec, container: Container): string | null {
  const volumes = (pod.volumes ?? []) as unknown as readonly Volume[];
  const mount = container.volumeMounts?.find(({ mountPath }) => mountPath === '/etc/plexgate');
  return volumes.find(({ name }) => name === mount?.name)?.configMap?.name ?? null;
}
