import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Document,
  type YAMLError,
} from 'yaml';
import { interpolate, shield, unshield, type Sources } from './interpolate.ts';
import { quote, sentence, writePath, type Finding, type Path } from './mistake.ts';

export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A value of the file and where it stands. */
export interface Tree {
  readonly at: Position;
  /** The plain value, interpolations replaced. `setLeaf` alone changes it. */
  value: unknown;
  /** It came from a `${...}` and may be a secret. */
  readonly interpolated: boolean;
  /** A mistake at this very place is known already; what else seems wrong here only follows from it. */
  readonly broken: boolean;
  /** By name or index; empty where the value is neither a mapping nor a list. */
  readonly fields: ReadonlyMap<PropertyKey, Field>;
}

export interface Field {
  /** Of the name, or of the item in a list. */
  readonly nameAt: Position;
  readonly tree: Tree;
}

export interface ReadDocument {
  /** Null where the text is no YAML at all. */
  readonly tree: Tree | null;
  readonly findings: readonly Finding[];
}

/** What a kind of file may be. */
export interface DocumentForm {
  /** In words, for one that is empty. */
  readonly holds: string;
  /** Null: a `${` is a text like any other. */
  readonly sources: Sources | null;
  readonly maxBytes: number;
  /** Values are counted with aliases written out. */
  readonly maxValues: number;
}

const MAX_DEPTH = 32;
const ALIAS_COST = 100;

/** The YAML text as values with their positions. Never throws, whatever the text. */
export function readDocument(text: string, form: DocumentForm): ReadDocument {
  if (Buffer.byteLength(text) > form.maxBytes) {
    return unreadable([
      { ...START, text: `found more than ${form.maxBytes} bytes; allowed: at most as many` },
    ]);
  }
  const lines = new LineCounter();
  let document: Document;
  try {
    document = parseDocument(form.sources === null ? text : shield(text), {
      lineCounter: lines,
      prettyErrors: false,
      strict: true,
      uniqueKeys: false,
    });
  } catch {
    // The parser's recursion has no limit of its own: stack exhaustion arrives as an exception.
    return unreadable([{ ...START, text: 'not valid YAML: nested too deeply' }]);
  }
  const errors = [...document.errors, ...document.warnings];
  if (errors.length > 0) return unreadable(syntaxFindings(errors, lines));
  if (document.contents === null) {
    return unreadable([{ ...START, text: `the file is empty; allowed: ${form.holds}` }]);
  }
  const reader = new TreeReader(document, lines, form);
  const tree = reader.read(document.contents, []);
  return { tree, findings: reader.findings };
}

const START = { line: 1, column: 1, path: '' } as const;

function unreadable(findings: readonly Finding[]): ReadDocument {
  return { tree: null, findings };
}

/** The parser's own words quote the text at some codes; these are said without it. */
const WORDS: Partial<Record<YAMLError['code'], string>> = {
  BAD_ALIAS: 'an alias without its anchor',
  BAD_COLLECTION_TYPE: 'a tag that does not fit its value',
  BAD_DIRECTIVE: 'an unknown directive',
  BAD_DQ_ESCAPE: 'an unknown escape in a quoted text',
  BAD_PROP_ORDER: 'an anchor or tag in the wrong place',
  IMPOSSIBLE: 'something that cannot be read',
  MULTIPLE_DOCS: 'more than one document; allowed: one',
  RESOURCE_EXHAUSTION: 'nested too deeply',
  TAG_RESOLVE_FAILED: 'an unknown tag; a text that starts with "!" needs quotes',
  UNEXPECTED_TOKEN: 'something unexpected here; check indentation, quotes and brackets',
};

/** One in a line: the others only follow from it. */
function syntaxFindings(errors: readonly YAMLError[], lines: LineCounter): Finding[] {
  const byLine = new Map<number, Finding>();
  for (const error of errors) {
    const finding = syntaxFinding(error, lines);
    if (!byLine.has(finding.line)) byLine.set(finding.line, finding);
  }
  return [...byLine.values()];
}

function syntaxFinding(error: YAMLError, lines: LineCounter): Finding {
  const words = WORDS[error.code] ?? error.message.charAt(0).toLowerCase() + error.message.slice(1);
  return { ...positionOf(lines, error.pos[0]), path: '', text: `not valid YAML: ${words}` };
}

function positionOf(lines: LineCounter, offset: number): Position {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

const NO_FIELDS: ReadonlyMap<PropertyKey, Field> = new Map();

class TreeReader {
  readonly findings: Finding[] = [];
  readonly #document: Document;
  readonly #lines: LineCounter;
  readonly #form: DocumentForm;
  #values = 0;
  #full = false;

  constructor(document: Document, lines: LineCounter, form: DocumentForm) {
    this.#document = document;
    this.#lines = lines;
    this.#form = form;
  }

  read(node: unknown, path: Path): Tree {
    this.#values += 1;
    const at = this.#at(node);
    if (path.length > MAX_DEPTH)
      return this.#broken(at, path, `nested too deeply; allowed: ${MAX_DEPTH} levels`);
    const { maxValues } = this.#form;
    if (this.#values > maxValues) {
      const text = `found more than ${maxValues} values with aliases written out; allowed: at most as many`;
      const said = this.#full;
      this.#full = true;
      return said ? leaf(at, null, true) : this.#broken(at, path, text);
    }
    if (isAlias(node)) {
      // Finding the anchor costs a walk through the document.
      this.#values += ALIAS_COST;
      const anchor = node.resolve(this.#document);
      return anchor === undefined
        ? this.#broken(at, path, 'found an alias without its anchor; allowed: an anchor defined before it')
        : this.read(anchor, path);
    }
    if (isMap(node)) return this.#mapping(node.items, at, path);
    if (isSeq(node)) return this.#list(node.items, at, path);
    if (!isScalar(node)) return leaf(at, null, false);
    const { value, source } = node;
    if (typeof value === 'string') return this.#text(value, at, path);
    const isPlain = value === null || typeof value === 'number' || typeof value === 'boolean';
    return leaf(at, isPlain ? value : (source ?? ''), false);
  }

  #mapping(pairs: readonly { key: unknown; value: unknown }[], at: Position, path: Path): Tree {
    const fields = new Map<PropertyKey, Field>();
    // Without a prototype, so that a field named __proto__ is a field like any other.
    const value = Object.create(null) as Record<string, unknown>;
    for (const pair of pairs) {
      const nameAt = this.#at(pair.key);
      if (!isScalar(pair.key)) {
        this.#add(nameAt, path, 'found a field name that is no plain text; allowed: a plain text');
        continue;
      }
      const { value: key } = pair.key;
      const name = unshield(typeof key === 'string' ? key : (pair.key.source ?? ''));
      const first = fields.get(name);
      if (first !== undefined) {
        const text = `field ${quote(name)} is given twice, first in line ${first.nameAt.line}; allowed: once`;
        this.#add(nameAt, [...path, name], text);
        continue;
      }
      const tree = this.read(pair.value, [...path, name]);
      fields.set(name, { nameAt, tree });
      value[name] = tree.value;
    }
    return { at, value, interpolated: false, broken: false, fields };
  }

  #list(items: readonly unknown[], at: Position, path: Path): Tree {
    const fields = new Map<PropertyKey, Field>();
    const value: unknown[] = [];
    for (const [index, item] of items.entries()) {
      const tree = this.read(item, [...path, index]);
      fields.set(index, { nameAt: tree.at, tree });
      value.push(tree.value);
    }
    return { at, value, interpolated: false, broken: false, fields };
  }

  #text(scalar: string, at: Position, path: Path): Tree {
    const { sources } = this.#form;
    if (sources === null) return leaf(at, scalar, false);
    const written = unshield(scalar);
    if (!written.includes('${')) return leaf(at, written, false);
    const { text, interpolated, problems } = interpolate(written, sources);
    for (const problem of problems) this.#add(at, path, problem);
    return { ...leaf(at, text, problems.length > 0), interpolated };
  }

  #broken(at: Position, path: Path, text: string): Tree {
    this.#add(at, path.slice(0, MAX_DEPTH), text);
    return leaf(at, null, true);
  }

  #add(at: Position, path: Path, text: string): void {
    this.findings.push({ ...at, path: writePath(path), text: sentence(path, text) });
  }

  #at(node: unknown): Position {
    const range = (node as { range?: readonly [number, number, number] | null } | null)?.range;
    return positionOf(this.#lines, range?.[0] ?? 0);
  }
}

function leaf(at: Position, value: unknown, broken: boolean): Tree {
  return { at, value, interpolated: false, broken, fields: NO_FIELDS };
}

export interface Place {
  /** The deepest value on the path that the file has. */
  readonly tree: Tree;
  /** Of its name; null for the file as a whole. */
  readonly nameAt: Position | null;
  /** How many steps of the path the file has. */
  readonly depth: number;
}

export function locate(root: Tree, path: Path): Place {
  let place: Place = { tree: root, nameAt: null, depth: 0 };
  for (const step of path) {
    const field = place.tree.fields.get(step);
    if (field === undefined) break;
    place = { tree: field.tree, nameAt: field.nameAt, depth: place.depth + 1 };
  }
  return place;
}

/** Where a mistake about the value at `path` is shown: a scalar itself, else the name that stands before it. */
export function positionAt(root: Tree, path: Path): Position {
  const { tree, nameAt, depth } = locate(root, path);
  const isScalarThere = depth === path.length && tree.value !== null && typeof tree.value !== 'object';
  return isScalarThere ? tree.at : (nameAt ?? { line: 1, column: 1 });
}

/** Puts another value at a leaf, also into the values that hold it. */
export function setLeaf(root: Tree, path: Path, value: unknown): void {
  const last = path.at(-1);
  const leafPlace = locate(root, path);
  const parent = locate(root, path.slice(0, -1)).tree.value;
  if (last === undefined || leafPlace.depth !== path.length || typeof parent !== 'object') return;
  leafPlace.tree.value = value;
  (parent as Record<PropertyKey, unknown>)[last] = value;
}
