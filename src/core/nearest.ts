/**
 * The known name a mistyped one most likely meant, or null where none is near: at most one edit in three letters of
 * the longer name. An edit is a letter added, lost or replaced, or two neighbours swapped. Case, `_` and `-` do not
 * count: `expiresAt` and `expires-at` are spellings of `expires_at`.
 */
export function nearestName(name: string, known: readonly string[]): string | null {
  // Names that differ in nothing but `_` and `-` may both be known, such as `api-key` and `apikey`.
  const inOtherCase = known.find((candidate) => candidate.toLowerCase() === name.toLowerCase());
  if (inOtherCase !== undefined) return inOtherCase;
  const typed = letters(name);
  let nearest: string | null = null;
  let least = Infinity;
  for (const candidate of known) {
    const meant = letters(candidate);
    const allowed = Math.max(1, Math.floor(Math.max(typed.length, meant.length) / 3));
    // Each letter more is an edit at least, so a long text is never compared.
    if (Math.abs(meant.length - typed.length) > allowed) continue;
    const distance = editDistance(typed, meant);
    if (distance <= allowed && distance < least) {
      least = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

function letters(name: string): string {
  return name.toLowerCase().replaceAll(/[_-]/g, '');
}

/** Optimal string alignment: Levenshtein's distance with swaps of neighbours as one edit. */
export function editDistance(a: string, b: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let least = Math.min(
        (previous[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        (previous[j - 1] ?? 0) + (same ? 0 : 1),
      );
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        least = Math.min(least, (beforePrevious[j - 2] ?? 0) + 1);
      }
      row.push(least);
    }
    beforePrevious = previous;
    previous = row;
  }
  return previous[b.length] ?? 0;
}
