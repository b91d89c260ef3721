export const UPSTREAM_ERRORS = ['timeout', 'refused', 'reset', 'tls'] as const;
export type UpstreamError = (typeof UPSTREAM_ERRORS)[number];

/** Its code where it has one; of other errors the name. */
export function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}

/** What the metrics call it. */
export function upstreamErrorOf(error: Error): UpstreamError {
  const code = codeOf(error);
  if (code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'ETIMEDOUT') return 'timeout';
  if (code.startsWith('ERR_TLS') || code.startsWith('ERR_SSL') || code.includes('CERT')) return 'tls';
  return ['ECONNREFUSED', 'ENOTFOUND', 'EHOSTUNREACH', 'ENETUNREACH', 'EAI_AGAIN'].includes(code)
    ? 'refused'
    : 'reset';
}
