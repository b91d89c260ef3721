import { describe, expect, it } from 'vitest';
import { typeFindings } from './kubernetes-types.ts';
import { examplePods } from './sidecar-pods.ts';
import { restrictedFindings } from './restricted.ts';
import { manifestsIn, manifestsOf, VALUE_SETS, VERSIONS, type Manifest } from './renders.ts';

async function findingsOf(manifests: readonly Manifest[]): Promise<string[]> {
  const types = await Promise.all(manifests.map(typeFindings));
  return [...types.flat(), ...manifests.flatMap(restrictedFindings)];
}

describe.each(VERSIONS)('for Kubernetes %s', (version) => {
  it.each(VALUE_SETS)('every object of %s is of its type, and every pod restricted', async (set) => {
    const manifests = await manifestsOf(set, version);
    expect(manifests.length).toBeGreaterThan(0);
    expect(await findingsOf(manifests)).toEqual([]);
  });

  it('every object of a service with a sidecar is of its type, and its pod restricted', async () => {
    expect(await findingsOf(await examplePods(version))).toEqual([]);
  });
});

/** A good pod, and what each of these changes makes wrong. */
const POD = `
apiVersion: v1
kind: Pod
metadata: { name: wrong }
spec:
  securityContext: { runAsNonRoot: true, seccompProfile: { type: RuntimeDefault } }
  containers:
    - name: gate
      image: gate:1
      ports: [{ containerPort: 80 }]
      livenessProbe: { httpGet: { path: /, port: 80 } }
      securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: [ALL] } }
`;

describe('the checks', () => {
  it('find nothing in a good pod', async () => {
    expect(await findingsOf(manifestsIn(POD))).toEqual([]);
  });

  it.each([
    ['a misspelt field', 'image:', 'imagePulPolicy: Never\n      image:', 'imagePulPolicy is no field'],
    ['a misspelt probe', 'livenessProbe', 'livnessProbe', 'livnessProbe is no field'],
    ['a port in words', 'containerPort: 80', 'containerPort: eighty', 'containerPort'],
    ['a name that is missing', '- name: gate\n      image', '- image', 'name'],
    ['a host in a probe', 'path: /,', 'path: /, host: 10.0.0.1,', 'a host in a probe or hook'],
    ['capabilities', 'drop: [ALL]', 'drop: [NET_RAW]', 'capabilities.drop has not ALL'],
    ['root', 'runAsNonRoot: true', 'runAsUser: 0', 'runAsUser is 0'],
    ['no seccomp profile', 'RuntimeDefault', 'Unconfined', 'seccompProfile'],
    ['an unknown kind', 'kind: Pod', 'kind: Pid', 'no type is known'],
    ['a port of the host', 'containerPort: 80', 'containerPort: 80, hostPort: 80', 'hostPort'],
    ['more rights', 'allowPrivilegeEscalation: false', 'privileged: true', 'allowPrivilegeEscalation is not'],
    ["the host's network", 'containers:', 'hostNetwork: true\n  containers:', 'hostNetwork'],
  ])('find %s', async (_, good, wrong, finding) => {
    expect(POD).toContain(good);
    const findings = await findingsOf(manifestsIn(POD.replace(good, wrong)));
    expect(findings.join('\n')).toContain(finding);
  });

  it.each([
    [
      'ServiceMonitor',
      'monitoring.coreos.com/v1',
      '{ selector: {}, endpoints: [{ prot: metrics }] }',
      'additional',
    ],
    ['PodMonitor', 'monitoring.coreos.com/v1', '{ selector: {}, podMetricsEndpoints: 5 }', 'must be array'],
    [
      'PrometheusRule',
      'monitoring.coreos.com/v1',
      '{ groups: [{ name: a, rules: [{ alert: A }] }] }',
      'expr',
    ],
    ['HTTPRoute', 'gateway.networking.k8s.io/v1', '{ rules: [{ backendRef: [] }] }', 'additional'],
  ])('find a mistake in a %s', async (kind, apiVersion, spec, finding) => {
    const text = `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: { name: wrong }\nspec: ${spec}\n`;
    expect((await findingsOf(manifestsIn(text))).join('\n')).toContain(finding);
  });
});
