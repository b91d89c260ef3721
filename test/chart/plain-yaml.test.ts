import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from './helm.ts';
import { typeFindings } from './kubernetes-types.ts';
import { podOf } from './pods.ts';
import { restrictedFindings } from './restricted.ts';
import { manifestsIn, only } from './renders.ts';
import { examplePods } from './sidecar-pods.ts';

describe.each([
  ['native', '1.34'],
  ['classic', '1.28'],
])('examples/sidecar-yaml/%s.yaml', (name, version) => {
  const manifests = manifestsIn(readFileSync(join(ROOT, `examples/sidecar-yaml/${name}.yaml`), 'utf8'));

  it('is of the types of Kubernetes, and restricted', async () => {
    const types = await Promise.all(manifests.map(typeFindings));
    expect([...types.flat(), ...manifests.flatMap(restrictedFindings)]).toEqual([]);
  });

  it('has the pod, the Service and the configuration that the chart renders', async () => {
    const rendered = await examplePods(version);
    expect(podOf(only(manifests, 'Deployment'))).toEqual(podOf(only(rendered, 'Deployment')));
    expect(only(manifests, 'Service').spec).toEqual(only(rendered, 'Service').spec);
    expect(only(manifests, 'ConfigMap').data).toEqual(only(rendered, 'ConfigMap').data);
  });
});
