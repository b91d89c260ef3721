export const UPSTREAM_ERRORS = ['timeout', 'refused', 'reset', 'tls'] as const;
export type UpstreamError = (typeof UPSTREAM_ERRORS)[number];

/** Its code where it has one; of other errors the name. */
export function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}

/** OpenSSL's names of what is wrong with a certificate, where they do not say so, and of bytes that are no TLS. */
const TLS: ReadonlySet<string> = new Set([
  'EPROTO',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'PATH_LENGTH_EXCEEDED',
]);

/** What the metrics call it. */
export function upstreamErrorOf(error: Error): UpstreamError {
  const code = codeOf(error);
  if (code === 'ETIMEDOUT') return 'timeout';
  if (code.startsWith('ERR_TLS') || code.startsWith('ERR_SSL') || code.includes('CERT') || TLS.has(code))
    return 'tls';
  return ['ECONNREFUSED', 'ENOTFOUND', 'EHOSTUNREACH', 'ENETUNREACH', 'EAI_AGAIN'].includes(code)
    ? 'refused'
    : 'reset';
}
