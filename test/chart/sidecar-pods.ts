import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { manifestsIn, sidecarExample, valuesFile, VALUE_SETS, type Manifest } from './renders.ts';

/** Sets of values for sidecars. */
export const SIDECAR_SETS = VALUE_SETS.filter((set) => set.startsWith('sidecar-'));

/** Everything of the example of a service with a sidecar. */
export async function examplePods(version: string, ...more: string[]): Promise<readonly Manifest[]> {
  return manifestsIn(await sidecarExample(version, ...more));
}

/** What the example says and a set of values may say otherwise. */
const CLEARED = {
  keys: { service: { url: '' } },
  secrets: { existingSecret: '' },
  externalRedis: { url: '' },
};

/** The same with a set of values for the sidecar, and only those. */
export async function exampleWith(set: string, version: string): Promise<readonly Manifest[]> {
  const folder = mkdtempSync(join(tmpdir(), 'plexgate-values-'));
  try {
    const [cleared, own] = [join(folder, 'cleared.yaml'), join(folder, 'own.yaml')];
    writeFileSync(cleared, stringify({ plexgate: CLEARED }));
    writeFileSync(own, stringify({ plexgate: parse(readFileSync(valuesFile(set), 'utf8')) as unknown }));
    return await examplePods(version, '-f', cleared, '-f', own);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
