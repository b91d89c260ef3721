const INSTANT = /^(\d{4}-\d\d-\d\d)T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;

/**
 * Epoch milliseconds of an RFC 3339 instant with its zone, to the millisecond below; null for any other text.
 * Date.parse alone would take times without a zone, read 30 February as 2 March, and 24:00 as the next day.
 */
export function parseInstant(text: string): number | null {
  const upper = text.toUpperCase();
  const day = INSTANT.exec(upper)?.[1];
  if (day === undefined) return null;
  const midnight = Date.parse(`${day}T00:00:00Z`);
  if (Number.isNaN(midnight) || new Date(midnight).toISOString().slice(0, 10) !== day) return null;
  const at = Date.parse(upper);
  return Number.isNaN(at) ? null : at;
}

/** What RFC 3339 can say: an instant beyond its last year is its last one. */
export function instantText(epochMs: number): string {
  return new Date(Math.max(FIRST_INSTANT, Math.min(epochMs, LAST_INSTANT))).toISOString();
}

const FIRST_INSTANT = Date.parse('0000-01-01T00:00:00.000Z');
const LAST_INSTANT = Date.parse('9999-12-31T23:59:59.999Z');
