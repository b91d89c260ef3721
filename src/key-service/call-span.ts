import type { IncomingMessage, ServerResponse } from 'node:http';
import { readTraceContext } from '../core/trace-context.ts';
import type { Tracing } from '../runtime/tracing/tracing.ts';
import type { Call } from './call.ts';

export interface TracedCall {
  readonly call: Pick<Call, 'method' | 'path' | 'door'>;
  readonly request: IncomingMessage;
  readonly answer: ServerResponse;
  /** Whether the caller has shown the token of the call's door. */
  readonly isAdmitted: boolean;
}

/**
 * A span from here until the answer is through, under the caller's. What gates ask for themselves, without a request
 * behind it, has none: they renew what they know all the time.
 */
export function traceCall(tracing: Tracing, { call, request, answer, isAdmitted }: TracedCall): void {
  const isGate = call.door === 'service' && isAdmitted;
  const isHeard = tracing.callers === 'any' || (tracing.callers === 'trusted' && isGate);
  const caller = isHeard ? readTraceContext(request.rawHeaders) : null;
  if (caller === null && call.door === 'service') return;
  const { method, path } = call;
  const attributes = { 'http.request.method': method, 'http.route': path, 'url.scheme': 'http' };
  const at = performance.now();
  const span = tracing.begin({ name: `${method} ${path}`, kind: 'server', at, attributes }, caller);
  answer.once('close', () => {
    const error = errorOf(answer);
    span.end({
      at: performance.now(),
      attributes: {
        ...(answer.headersSent ? { 'http.response.status_code': answer.statusCode } : {}),
        ...(error === null ? {} : { 'error.type': error }),
      },
      failed: error !== null,
    });
  });
}

function errorOf({ headersSent, writableFinished, statusCode }: ServerResponse): string | null {
  if (!headersSent) return 'client_gone';
  if (!writableFinished) return 'broken_off';
  return statusCode >= 500 ? String(statusCode) : null;
}
