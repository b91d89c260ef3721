const EVERY_ADDRESS: ReadonlySet<string> = new Set(['0.0.0.0', '::']);
const LOOPBACK: ReadonlySet<string> = new Set(['127.0.0.1', '::1', 'localhost']);

/** Whether servers that listen on these hosts may want one port of the same address. */
export function overlap(a: string, b: string): boolean {
  if (a === b || EVERY_ADDRESS.has(a) || EVERY_ADDRESS.has(b)) return true;
  // localhost may be either of the two others.
  return LOOPBACK.has(a) && LOOPBACK.has(b) && (a === 'localhost' || b === 'localhost');
}

export function isLoopback(host: string): boolean {
  return LOOPBACK.has(host.toLowerCase()) || host.startsWith('127.');
}
