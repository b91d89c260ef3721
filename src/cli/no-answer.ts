const WHY: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'no address has this name',
  EAI_AGAIN: 'the name cannot be resolved now',
  ECONNRESET: 'the connection broke',
  UND_ERR_SOCKET: 'the connection broke',
};

/** Why a `fetch` has rejected. The causes have the system's words; the outer errors say nothing but that it failed. */
export function whyNoAnswer(error: unknown, deadlineMs: number): string {
  if (!(error instanceof Error)) return 'unknown error';
  if (error.name === 'TimeoutError') return `no answer within ${deadlineMs / 1000} s`;
  const cause = error.cause instanceof Error ? error.cause : error;
  const { code } = cause as NodeJS.ErrnoException;
  return `no answer: ${WHY[code ?? ''] ?? (cause.message === '' ? (code ?? 'unknown error') : cause.message)}`;
}
