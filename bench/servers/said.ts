/** The address in the first line of a log with this message; null: not said yet. */
export function urlIn(log: string, message: string): string | null {
  const line = log.split('\n').find((text) => text.endsWith('}') && text.includes(`"${message}"`));
  return line === undefined ? null : ((JSON.parse(line) as { url?: string }).url ?? null);
}
