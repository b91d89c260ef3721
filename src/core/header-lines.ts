const NONE: readonly string[] = [];

/** The values of all lines of one name, given in lower case, of a flat list: name, value, name, value ... */
export function valuesOf(raw: readonly string[], name: string): readonly string[] {
  let values: string[] | null = null;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const spelled = raw[i] ?? '';
    // Most names differ in length already.
    if (spelled.length === name.length && spelled.toLowerCase() === name)
      (values ??= []).push(raw[i + 1] ?? '');
  }
  return values ?? NONE;
}
