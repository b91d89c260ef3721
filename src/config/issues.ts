import type * as z from 'zod';
import { nearestName } from '../core/nearest.ts';
import { locate, positionAt, setLeaf, type Tree } from './document.ts';
import { describeValue, quote, sentence, writePath, type Finding, type Path } from './mistake.ts';
import { schemaAt, type SchemaPlace } from './schema-walk.ts';

type Issue = z.core.$ZodIssue;

/** Everything the schema minds about the file, in the words and at the places people look for. */
export function findingsOf(issues: readonly Issue[], schema: z.core.$ZodType, tree: Tree): Finding[] {
  return issues
    .flatMap(expandUnion)
    .filter((issue) => !locate(tree, issue.path).tree.broken)
    .flatMap((issue) => findingsOfIssue(issue, schema, tree));
}

/**
 * An interpolated text where a number or a boolean is wanted becomes one, in place. Whether there was any: the
 * tree is then worth another look.
 */
export function adoptInterpolated(issues: readonly Issue[], tree: Tree): boolean {
  let adopted = false;
  for (const issue of issues.flatMap(everyWay)) {
    const { tree: leaf, depth } = locate(tree, issue.path);
    if (issue.code !== 'invalid_type' || depth !== issue.path.length || !leaf.interpolated) continue;
    const value = readAs(issue.expected, String(leaf.value));
    if (value === null) continue;
    setLeaf(tree, issue.path, value);
    adopted = true;
  }
  return adopted;
}

/** The issue, or those of every way of the union. */
function everyWay(issue: Issue): Issue[] {
  if (issue.code !== 'invalid_union') return [issue];
  return issue.errors.flat().flatMap((inner) => everyWay({ ...inner, path: [...issue.path, ...inner.path] }));
}

function readAs(expected: string, text: string): number | boolean | null {
  if (expected === 'number' && /^\d{1,15}(?:\.\d{1,15})?$/.test(text)) return Number(text);
  if (expected === 'boolean' && (text === 'true' || text === 'false')) return text === 'true';
  return null;
}

/**
 * Of a union's failed ways the one that fits the value's kind speaks, so that a mistake inside a mapping is shown
 * where it is. Where none fits, the union itself says what is allowed.
 */
function expandUnion(issue: Issue): Issue[] {
  if (issue.code !== 'invalid_union') return [issue];
  const fitting = issue.errors.find((issues) => !issues.some(isWrongKind));
  if (fitting === undefined) return [issue];
  return fitting.flatMap((inner) => expandUnion({ ...inner, path: [...issue.path, ...inner.path] }));
}

function isWrongKind({ code, path }: Issue): boolean {
  return path.length === 0 && (code === 'invalid_type' || code === 'invalid_value');
}

function findingsOfIssue(issue: Issue, schema: z.core.$ZodType, tree: Tree): Finding[] {
  const { path } = issue;
  const place = schemaAt(schema, path);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((name) => unknownField([...path, name], name, place, tree));
  }
  if (issue.code === 'invalid_key') {
    const allowed = issue.issues[0]?.message ?? 'another name';
    const text = sentence(path, `found the name ${quote(String(path.at(-1)))}; allowed: ${allowed}`);
    return [{ ...nameAt(tree, path), path: writePath(path), text }];
  }
  const what = `${foundBy(issue, place, tree)}; allowed: ${allowedBy(issue, place)}`;
  return [findingAt(tree, path, sentence(path, what + suggestion(issue, place, tree)))];
}

function unknownField(path: Path, name: string, { names, refusedNames }: SchemaPlace, tree: Tree): Finding {
  const near = nearestName(name, [...names, ...refusedNames]);
  const hint = near === null ? '' : `; did you mean "${near}"?`;
  const text = sentence(path, `unknown field ${quote(name)}; allowed: ${names.join(', ')}${hint}`);
  return { ...nameAt(tree, path), path: writePath(path), text };
}

function foundBy(issue: Issue, { secret }: SchemaPlace, tree: Tree): string {
  if (issue.code === 'custom' && typeof issue.params?.['found'] === 'string') return issue.params['found'];
  const { tree: leaf, depth } = locate(tree, issue.path);
  if (depth < issue.path.length) return 'missing';
  const wantsMapping =
    issue.code === 'invalid_type' && (issue.expected === 'object' || issue.expected === 'record');
  // A text where a section belongs may be anything, also a secret that slipped a level.
  if (wantsMapping && typeof leaf.value === 'string' && leaf.value !== '') return 'found a text';
  return `found ${describeValue(leaf.value, secret || leaf.interpolated)}`;
}

function allowedBy(issue: Issue, { names }: SchemaPlace): string {
  if (issue.code === 'invalid_value') return issue.values.map(String).join(', ');
  if (issue.code === 'invalid_type' && issue.expected === 'object') {
    return names.length === 0 ? 'a mapping' : `a mapping of ${names.join(', ')}`;
  }
  return issue.message;
}

/** The nearest of the words that would have been right; never for a value that may be a secret. */
function suggestion(issue: Issue, { secret }: SchemaPlace, tree: Tree): string {
  const { value, interpolated } = locate(tree, issue.path).tree;
  if (typeof value !== 'string' || interpolated || secret) return '';
  const near = nearestName(value, wordsOf(issue));
  return near === null || near === value ? '' : `; did you mean "${near}"?`;
}

function wordsOf(issue: Issue): string[] {
  if (issue.code === 'invalid_value') return issue.values.map(String);
  return issue.code === 'invalid_union' ? issue.errors.flat().filter(isWrongKind).flatMap(wordsOf) : [];
}

function findingAt(tree: Tree, path: Path, text: string): Finding {
  return { ...positionAt(tree, path), path: writePath(path), text };
}

function nameAt(tree: Tree, path: Path) {
  return locate(tree, path).nameAt ?? { line: 1, column: 1 };
}
