import { locate, positionAt, type Tree } from './document.ts';
import { sentence, writePath, type Finding, type Path } from './mistake.ts';

/** How checks that see several fields together read the file's values: as they stand, whatever else is wrong. */
export function finding(root: Tree, path: Path, what: string): Finding {
  return { ...positionAt(root, path), path: writePath(path), text: sentence(path, what) };
}

/** Whether the file has the field, whatever it holds. */
export function has(root: Tree, path: Path): boolean {
  return locate(root, path).depth === path.length;
}

/** Undefined where the file has no such field, and where a mistake at this very place is known already. */
export function valueAt(root: Tree, path: Path): unknown {
  const { tree, depth } = locate(root, path);
  return depth === path.length && !tree.broken ? tree.value : undefined;
}

export function textAt(root: Tree, path: Path): string | null {
  const value = valueAt(root, path);
  return typeof value === 'string' ? value : null;
}

/** Of the list's items; none where there is no list. */
export function indexesAt(root: Tree, path: Path): number[] {
  const list = valueAt(root, path);
  return Array.isArray(list) ? list.map((_, index) => index) : [];
}
