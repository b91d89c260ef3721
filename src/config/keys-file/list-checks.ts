import { locate, type Tree } from '../document.ts';
import { describeValue, writePath, type Finding, type Path } from '../mistake.ts';
import { finding, indexesAt, textAt } from '../places.ts';

/** Entries of the list at `list` whose text `field` an earlier entry has, too. */
export function repeated(root: Tree, list: Path, field: string): Finding[] {
  const first = new Map<string, number>();
  return indexesAt(root, list).flatMap((index) => {
    const path: Path = [...list, index, field];
    const value = textAt(root, path);
    if (value === null) return [];
    const earlier = first.get(value);
    if (earlier === undefined) {
      first.set(value, index);
      return [];
    }
    return [finding(root, path, `found that of ${writePath([...list, earlier])}, too; allowed: each once`)];
  });
}

/** Every key's owner is in the list of owners. */
export function ownersAreThere(root: Tree): Finding[] {
  // Where the owners themselves are no list, that is said, and nothing more.
  if (!Array.isArray(locate(root, ['owners']).tree.value)) return [];
  const known = new Set(indexesAt(root, ['owners']).map((index) => textAt(root, ['owners', index, 'id'])));
  return indexesAt(root, ['keys']).flatMap((index) => {
    const path: Path = ['keys', index, 'owner'];
    const owner = textAt(root, path);
    if (owner === null || known.has(owner)) return [];
    return [
      finding(root, path, `found ${describeValue(owner, false)}; allowed: the id of one of the owners`),
    ];
  });
}
