import { containersOf, podOf, type Container, type PodSpec } from './pods.ts';
import type { Manifest } from './renders.ts';

const VOLUMES = new Set(
  'configMap csi downwardAPI emptyDir ephemeral persistentVolumeClaim projected secret'.split(' '),
);

/**
 * What the level "restricted" of Kubernetes' Pod Security refuses, and what the level "baseline" refuses from 1.34 on: a
 * host in a probe or hook.
 */
export function restrictedFindings(manifest: Manifest): string[] {
  const pod = podOf(manifest);
  if (pod === null) return [];
  const at = `${manifest.kind}/${manifest.metadata.name}`;
  return [
    ...(['hostNetwork', 'hostPID', 'hostIPC'] as const).filter((field) => pod[field] === true),
    ...(pod.volumes ?? []).flatMap((volume) =>
      Object.keys(volume).filter((kind) => kind !== 'name' && !VOLUMES.has(kind)),
    ),
    ...containersOf(pod).flatMap((container) =>
      containerFindings(container, pod).map((finding) => `${container.name}: ${finding}`),
    ),
  ].map((finding) => `${at} ${finding}`);
}

function containerFindings(container: Container, pod: PodSpec): string[] {
  const own = container.securityContext ?? {};
  const either = { ...pod.securityContext, ...own };
  const { startupProbe, livenessProbe, readinessProbe, lifecycle } = container;
  const asked = [startupProbe, livenessProbe, readinessProbe, lifecycle?.preStop, lifecycle?.postStart];
  const rules: readonly (readonly [isKept: boolean, rule: string])[] = [
    [own.allowPrivilegeEscalation === false, 'allowPrivilegeEscalation is not false'],
    [own.privileged !== true, 'privileged'],
    [either.runAsNonRoot === true, 'runAsNonRoot is not true'],
    [either.runAsUser !== 0, 'runAsUser is 0'],
    [own.capabilities?.drop?.includes('ALL') === true, 'capabilities.drop has not ALL'],
    [(own.capabilities?.add ?? []).every((name) => name === 'NET_BIND_SERVICE'), 'capabilities.add'],
    [/^(?:RuntimeDefault|Localhost)$/.test(either.seccompProfile?.type ?? ''), 'seccompProfile'],
    [(container.ports ?? []).every((port) => port.hostPort === undefined), 'hostPort'],
    [asked.every((probe) => !probe?.httpGet?.host && !probe?.tcpSocket?.host), 'a host in a probe or hook'],
  ];
  return rules.filter(([isKept]) => !isKept).map(([, rule]) => rule);
}
