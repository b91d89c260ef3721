import * as z from 'zod';
import { formatStatedLimit } from '../../core/limit.ts';
import { digestOf } from '../../core/secret.ts';
import { checkText, unreadable, type FileText } from '../checked-text.ts';
import { locate, positionAt, type Tree } from '../document.ts';
import { type Finding, type Mistake, type Path } from '../mistake.ts';
import { CLEAR_KEY, digest, keyFields, refusedKey } from './fields.ts';
import { finding, indexesAt } from '../places.ts';
import { repeated } from './list-checks.ts';
import { text } from '../fields.ts';

export type ReadImportList =
  | {
      readonly kind: 'list';
      /** What `POST /admin/v1/keys/import` takes; it never holds a key in clear. */
      readonly keys: readonly object[];
      /** `file:line:column` of a field that the import API names, such as `keys[3].owner`; null where that is unknown. */
      readonly placeOf: (field: string) => string | null;
    }
  | { readonly kind: 'mistakes'; readonly mistakes: readonly Mistake[] };

const clearKey = text(
  { title: 'key', allowed: 'a key of 8 to 512 visible ASCII characters without " , ;', secret: true },
  (written) => (CLEAR_KEY.test(written) ? written : null),
);

const SHAPE = 'a list of keys, or a mapping of keys';
const listOf = <K extends z.ZodType>(key: K) =>
  z.union(
    [
      z.array(key, { error: SHAPE }).min(1, 'a list of at least one key'),
      z.strictObject({
        keys: z.array(key, { error: 'a list of keys' }).min(1, 'a list of at least one key'),
      }),
    ],
    { error: SHAPE },
  );

const digestsAlone = listOf(
  z.strictObject({
    sha256: digest,
    ...keyFields,
    key: refusedKey('its digest as sha256, or --hash, which digests it here'),
  }),
);
const keysOrDigests = listOf(
  z.strictObject({ sha256: digest.optional(), key: clearKey.optional(), ...keyFields }),
);

const FORM = { holds: SHAPE, sources: null, maxBytes: 16 * 1024 * 1024, maxValues: 2_000_000 };

/**
 * The keys of a JSON or YAML list, or every mistake in it. With `hash` an entry may have its `key` in place of
 * `sha256`; the digest is made here. Unknown fields are mistakes here already, since one of them may hold a key.
 */
export function readImportList(read: FileText, fileName: string, hash: boolean): ReadImportList {
  if (read.kind === 'unreadable') return { kind: 'mistakes', mistakes: [unreadable(fileName, read.why)] };
  const schema = hash ? keysOrDigests : digestsAlone;
  const checked = checkText(read.text, fileName, FORM, schema, (tree) => {
    const list = listPath(tree);
    return [
      ...repeated(tree, list, 'sha256'),
      ...repeated(tree, list, 'key'),
      ...repeated(tree, list, 'key_id'),
      ...(hash ? oneOfKeyAndDigest(tree, list) : []),
    ];
  });
  if (checked.kind === 'mistakes') return checked;
  const { value, tree } = checked;
  const list = Array.isArray(value) ? value : value.keys;
  return { kind: 'list', keys: list.map(entryOf), placeOf: (field) => placeOf(tree, fileName, field) };
}

type Entry =
  z.output<typeof keysOrDigests> extends infer L ? (L extends readonly (infer E)[] ? E : never) : never;

/** As the import API spells it. */
function entryOf({
  key,
  sha256,
  expires_at,
  limits,
  ...rest
}: Omit<Entry, 'key'> & { key?: unknown }): object {
  return {
    sha256: typeof key === 'string' ? digestOf(key) : sha256,
    ...rest,
    expires_at: typeof expires_at === 'number' ? new Date(expires_at).toISOString() : null,
    limits: limits.map(formatStatedLimit),
  };
}

function oneOfKeyAndDigest(root: Tree, list: Path): Finding[] {
  return indexesAt(root, list).flatMap((index) => {
    const path = [...list, index];
    const { fields } = locate(root, path).tree;
    if (fields.size === 0 || fields.has('key') !== fields.has('sha256')) return [];
    const found = fields.has('key') ? 'both key and sha256' : 'neither key nor sha256';
    return [finding(root, path, `found ${found}; allowed: one of them`)];
  });
}

function listPath(tree: Tree): Path {
  return Array.isArray(tree.value) ? [] : ['keys'];
}

const FIELD = /^keys\[(\d+)\](?:\.(\w+))?/;

function placeOf(tree: Tree, fileName: string, field: string): string | null {
  const [matched, index, name] = FIELD.exec(field) ?? [];
  if (matched === undefined) return null;
  const path = [...listPath(tree), Number(index), ...(name === undefined ? [] : [name])];
  const { line, column } = positionAt(tree, path);
  return `${fileName}:${line}:${column}`;
}
