/** Shorter ones are no parts of others to V8. */
const SHORTEST_PART = 13;

/**
 * Text of one byte a character that stands by itself. A part of a longer text keeps the whole of it, so that whatever is
 * kept of a request would keep all of its head.
 */
export function ownText(text: string): string {
  return text.length < SHORTEST_PART ? text : Buffer.from(text, 'latin1').toString('latin1');
}
