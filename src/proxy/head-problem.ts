import type { RequestHead } from '../core/request-head.ts';
import { isHost } from '../core/target.ts';

interface Head {
  readonly httpVersion: string;
  readonly head: RequestHead;
}

/** Digits of a length that every reader counts alike. */
const LONGEST_LENGTH = 15;

/** What is wrong with head fields on which two readers may disagree (RFC 9112 sections 3.2 and 6.1); null: nothing. */
export function headProblem({ httpVersion, head }: Head): string | null {
  const { host, transferEncoding, contentLength } = head;
  if (httpVersion !== '1.1' && httpVersion !== '1.0') return 'the version is neither HTTP/1.1 nor HTTP/1.0';
  if (host.length > 1) return 'there are two Host lines';
  if (host.length === 0 && httpVersion !== '1.0') return 'there is no Host line';
  if (!isHost(host[0] ?? '')) return 'the Host is none';
  if (transferEncoding.length > 0 && httpVersion === '1.0') return 'HTTP/1.0 knows no transfer coding';
  if (transferEncoding.length > 1 || (transferEncoding[0] ?? 'chunked').toLowerCase() !== 'chunked') {
    return 'the transfer coding is not chunked alone';
  }
  if (transferEncoding.length > 0 && contentLength.length > 0) return 'there are two framings';
  if (contentLength.length > 1) return 'there are two Content-Length lines';
  return (contentLength[0] ?? '').length > LONGEST_LENGTH
    ? 'the Content-Length is larger than any body'
    : null;
}
