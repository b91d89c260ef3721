import * as client from '@kubernetes/client-node';
import { Ajv } from 'ajv';
import { CUSTOM_KINDS } from './custom-kinds.ts';
import type { Manifest } from './renders.ts';

interface Model {
  validate(): void;
}
type Module = Readonly<Record<string, new (data: unknown) => Model>>;

const OPERATOR = '@kubernetes-models/prometheus-operator';
/** Kinds that no package has a model of. */
const WITHOUT_MODEL = /^(?:gateway\.networking\.k8s\.io|grafana\.integreatly\.org)\//;
const ajv = new Ajv({ allErrors: true, strict: false });

/** Everything about an object that its type does not allow: types, words, what is missing, fields nobody knows. */
export async function typeFindings(manifest: Manifest): Promise<string[]> {
  const at = `${manifest.kind}/${manifest.metadata.name}`;
  const own = CUSTOM_KINDS[`${manifest.apiVersion}/${manifest.kind}`];
  const model = await modelOf(manifest);
  if (model === null && !WITHOUT_MODEL.test(manifest.apiVersion))
    return [`${at}: no type is known of ${manifest.apiVersion}`];
  const findings = model === null ? [] : invalid(new model(manifest));
  if (own === undefined) findings.push(...unknownFields(manifest));
  else if (!ajv.validate(own, manifest)) findings.push(ajv.errorsText());
  return findings.map((finding) => `${at}: ${finding}`);
}

function invalid(model: Model): string[] {
  try {
    model.validate();
    return [];
  } catch (error) {
    return [String(error)];
  }
}

/** The model of a kind, or null where none of the packages has it. */
async function modelOf({ apiVersion, kind }: Manifest): Promise<Module[string] | null> {
  const name = apiVersion.startsWith('monitoring.coreos.com/') ? OPERATOR : 'kubernetes-models';
  try {
    const module = (await import(`${name}/${apiVersion}/${kind}`)) as Module;
    return module[kind] ?? null;
  } catch {
    return null;
  }
}

interface Described {
  getAttributeTypeMap(): readonly { readonly baseName: string; readonly type: string }[];
}

/** Fields that Kubernetes 1.36 does not have, and plain values of another type. */
function unknownFields(manifest: Manifest): string[] {
  const version = manifest.apiVersion.split('/').at(-1) ?? '';
  const type = `${version.charAt(0).toUpperCase()}${version.slice(1)}${manifest.kind}`;
  return walk(manifest, type, manifest.kind);
}

function walk(value: unknown, type: string, path: string): string[] {
  if (value === null || value === undefined) return [];
  const item = /^Array<(.+)>$/.exec(type)?.[1];
  if (item !== undefined) {
    if (!Array.isArray(value)) return [`${path} is no list`];
    return value.flatMap((inner, index) => walk(inner, item, `${path}[${index}]`));
  }
  const mapped = /^\{ \[key: string\]: (.+); \}$/.exec(type)?.[1];
  if (mapped !== undefined) {
    return Object.entries(value).flatMap(([key, inner]) => walk(inner, mapped, `${path}.${key}`));
  }
  if (/^(?:string|number|boolean)$/.test(type)) {
    return typeof value === type ? [] : [`${path} is no ${type}`];
  }
  const described = (client as unknown as Readonly<Record<string, Described | undefined>>)[type];
  if (described?.getAttributeTypeMap === undefined)
    return OPAQUE.has(type) ? [] : [`${path}: ${type} is not known`];
  const types = new Map(described.getAttributeTypeMap().map((field) => [field.baseName, field.type]));
  return Object.entries(value).flatMap(([key, inner]) => {
    const next = types.get(key);
    return next === undefined ? [`${path}.${key} is no field`] : walk(inner, next, `${path}.${key}`);
  });
}

const OPAQUE = new Set(['any', 'object', 'Date', 'IntOrString', 'Set<string>']);
