import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { CHART, helm, ROOT, withDependency, type Outcome } from './helm.ts';

/** Of Kubernetes: before native sidecars, with them, and with what later ones brought. */
export const VERSIONS = ['1.28', '1.29', '1.31', '1.32', '1.34'] as const;
/** The version that golden files are rendered for, unless their name says another. */
export const VERSION = '1.34';

const FILE = /^(.+)-values\.yaml$/;

/** Names of the sets of values under helm/plexgate/ci. */
export const VALUE_SETS = readdirSync(join(CHART, 'ci'))
  .map((file) => FILE.exec(file)?.[1])
  .filter((name) => name !== undefined);

export const SIDECAR_CHART = 'examples/sidecar-chart';

/** An object of Kubernetes, as far as every object has the same form. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: unknown;
  readonly data?: Readonly<Record<string, string>>;
  readonly stringData?: Readonly<Record<string, string>>;
}

export function valuesFile(set: string): string {
  return join(CHART, 'ci', `${set}-values.yaml`);
}

/** `helm template` of the chart with a set of values, and more arguments; never one from memory. */
export function renderAnew(set: string, version: string = VERSION, ...more: string[]): Promise<Outcome> {
  return helm(['template', 'demo', CHART, '-f', valuesFile(set), '--kube-version', version, ...more]);
}

const remembered = new Map<string, Promise<Outcome>>();

/** The same, once in a test file for the same arguments. */
export function template(...args: Parameters<typeof renderAnew>): Promise<Outcome> {
  const key = JSON.stringify(args);
  const outcome = remembered.get(key) ?? renderAnew(...args);
  remembered.set(key, outcome);
  return outcome;
}

/** What a render that succeeds says; throws with Helm's words where it does not. */
export async function text(outcome: Promise<Outcome>): Promise<string> {
  const { code, stdout, stderr } = await outcome;
  if (code !== 0) throw new Error(stderr);
  return stdout;
}

/** The example of a service with the gate in its pod. `--set` and the like come behind. */
export function sidecarExample(version: string, ...more: string[]): Promise<string> {
  return withDependency(SIDECAR_CHART, (folder) =>
    text(helm(['template', 'shop', folder, '--kube-version', version, ...more])),
  );
}

/** Every object in a render. */
export function manifestsIn(rendered: string): readonly Manifest[] {
  return parseAllDocuments(rendered)
    .map((document) => document.toJS() as Manifest | null)
    .filter((manifest) => manifest !== null);
}

/** The one object of a kind. */
export function only(manifests: readonly Manifest[], kind: string): Manifest {
  const [found, ...more] = manifests.filter((one) => one.kind === kind);
  if (found === undefined || more.length > 0) throw new Error(`there is not one ${kind}`);
  return found;
}

export async function manifestsOf(set: string, version?: string, ...more: string[]) {
  return manifestsIn(await text(template(set, version, ...more)));
}

/** What is rendered and kept: the name of the golden file and the text that belongs into it. */
export const GOLDEN: readonly (readonly [file: string, render: () => Promise<string>])[] = [
  ...VALUE_SETS.map((set) => [`${set}.yaml`, () => text(template(set))] as const),
  ['gateway-1.28.yaml', () => text(template('gateway', '1.28'))],
  ['sidecar-chart-native.yaml', () => sidecarExample('1.34')],
  ['sidecar-chart-classic-1.28.yaml', () => sidecarExample('1.28')],
  ['sidecar-chart-classic.yaml', () => sidecarExample('1.34', '--set', 'plexgate.sidecar.native=false')],
];

export const GOLDEN_FOLDER = join(ROOT, 'test/chart/golden');

export function goldenText(file: string): string {
  return readFileSync(join(GOLDEN_FOLDER, file), 'utf8');
}
