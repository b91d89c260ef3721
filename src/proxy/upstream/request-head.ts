import type { UpstreamRequest } from './connection.ts';

/** What no header value may have: control bytes, and characters that are no single byte. */
const UNWRITABLE = /[^\t\x20-\x7e\x80-\xff]/;
/** RFC 9110 section 5.6.2. */
const TOKEN = /^[!#$%&'*+\-.^_`|~\dA-Za-z]+$/;
const TARGET = /^[!-~\x80-\xff]+$/;
/** RFC 9110 section 8.6: with these a length is expected even where there is no body. */
const EXPECT_BODY: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);

/**
 * The head of a request, each character a byte. Throws where it would be read as another one, which the server and the
 * configuration have ruled out before. Names of headers MUST be tokens: the reader of requests, the gate or the
 * configuration has seen to that.
 */
export function headText({ method, path, headers, body, expectsContinue }: UpstreamRequest): string {
  if (!TOKEN.test(method) || !TARGET.test(path)) throw new TypeError('the request line cannot be sent');
  let text = `${method} ${path} HTTP/1.1\r\n`;
  let hasLength = false;
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] ?? '';
    const value = headers[i + 1] ?? '';
    if (UNWRITABLE.test(value)) throw new TypeError('a header cannot be sent');
    hasLength ||= name.length === 14 && name.toLowerCase() === 'content-length';
    text += `${name}: ${value}\r\n`;
  }
  if (body?.head.isChunked === true) text += 'Transfer-Encoding: chunked\r\n';
  else if (!hasLength && EXPECT_BODY.has(method)) text += 'Content-Length: 0\r\n';
  if (expectsContinue) text += 'Expect: 100-continue\r\n';
  if (method === 'HEAD') text += 'Connection: close\r\n';
  return `${text}\r\n`;
}
