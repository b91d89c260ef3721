/** Every header the gate reads or writes, and some that it does not know. */
const HEADERS = (
  'Authorization x-api-key Proxy-Authorization Cookie X-Request-Id User-Agent Referer Origin ' +
  'Accept Connection Upgrade Expect TE Trailer Via Forwarded Host X-Forwarded-For X-Forwarded-Host ' +
  'X-Forwarded-Proto X-Real-IP X-HTTP-Method-Override X-Key-Id X-Owner-Id X-Tier Mcp-Method ' +
  'Mcp-Name Mcp-Protocol-Version X-Anything Content-Type Access-Control-Request-Method ' +
  'Transfer-Encoding Content-Length Sec-WebSocket-Key traceparent tracestate baggage'
).split(' ');

/**
 * Requests that carry a key somewhere, each alone and beside the good key of somebody else, for a gate with the routes
 * `/standard`, `/standard/open` (without a key) and `/gone`, whose upstream is not there.
 */
export function requestsWith(canary: string, good: string): string[] {
  const values = [canary, `ApiKey ${canary}`, `a=1; key="${canary}"; b=2`];
  const targets = [
    `/standard/${canary}`,
    `/${canary}`,
    `/standard/x;key=${canary}/y`,
    `/standard/../${canary}`,
    `/standard/open/a-${canary}-b`,
    `/standard?key=${canary}`,
    `/standard/x?a=1&api_key=${canary}#${canary}`,
    `http://gate.test/standard/${canary}`,
    `http://${canary}/standard`,
    canary,
  ];
  const body = `{"key":"${canary}"}`;
  const heads = [
    ...HEADERS.flatMap((name) =>
      values.map((value) => `GET /standard HTTP/1.1\r\nHost: gate.test\r\n${name}: ${value}\r\n`),
    ),
    ...targets.map((target) => `GET ${target} HTTP/1.1\r\nHost: gate.test\r\n`),
    ...targets.map((target) => `GET ${target} HTTP/1.1\r\nHost: gate.test\r\nx-api-key: ${canary}\r\n`),
    `${canary} /standard HTTP/1.1\r\nHost: gate.test\r\n`,
    `GET /standard ${canary}\r\nHost: gate.test\r\n`,
    `GET /standard HTTP/1.1\r\nHost: gate.test\r\n${canary}: x\r\n`,
    `GET /standard HTTP/1.1\r\nHost: gate.test\r\n${canary}\r\n`,
    `GET /gone/${canary} HTTP/1.1\r\nHost: gate.test\r\nx-api-key: ${good}\r\n`,
    `GET /standard/${canary.replaceAll('_', '%5F')} HTTP/1.1\r\nHost: gate.test\r\n`,
    `GET /standard/${canary.replaceAll('_', '%5f')}/x HTTP/1.1\r\nHost: gate.test\r\nUser-Agent: ${canary.replaceAll('_', '%5f')}\r\n`,
  ];
  const withBody = `POST /standard HTTP/1.1\r\nHost: gate.test\r\nx-api-key: ${good}\r\n`;
  return [
    ...heads.flatMap((head) => [`${head}\r\n`, `${head}x-api-key: ${good}\r\n\r\n`]),
    `${withBody}Content-Length: ${body.length}\r\n\r\n${body}`,
    `${withBody}Transfer-Encoding: chunked\r\n\r\n${canary}\r\n${body}\r\n0\r\n\r\n`,
    `${withBody}Transfer-Encoding: chunked\r\n\r\n1;key=${canary}\r\nx\r\n0\r\nX-Trailer: ${canary}\r\n\r\n`,
  ];
}
