import type { ClientRequest } from 'node:http';

/** The fields that say how the bytes after the head are to be read; a handshake has its own. */
export const FRAMING: ReadonlySet<string> = new Set([
  'connection',
  'upgrade',
  'content-length',
  'transfer-encoding',
]);

/** Our list in place of all that the request has. */
export function replaceHeaders(outgoing: ClientRequest, headers: readonly string[]): void {
  for (const name of outgoing.getHeaderNames()) outgoing.removeHeader(name);
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] ?? '';
    if (!FRAMING.has(name.toLowerCase())) outgoing.appendHeader(name, headers[i + 1] ?? '');
  }
  outgoing.setHeader('Connection', 'Upgrade');
  outgoing.setHeader('Upgrade', 'websocket');
}

/** A flat list as http-proxy-3 reads it: names in their order, repeated lines as a list. */
export function byName(fields: readonly string[]): Record<string, string[]> {
  const names = Object.create(null) as Record<string, string[]>;
  for (let i = 0; i + 1 < fields.length; i += 2) (names[fields[i] ?? ''] ??= []).push(fields[i + 1] ?? '');
  return names;
}
