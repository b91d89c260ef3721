import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { valuesOf, type HeaderLine } from '../support/http-message.ts';
import { exchange, RawConnection, type RawAnswer } from '../support/raw-client.ts';
import { startStage, type Stage } from '../support/stage.ts';
import { OK } from '../support/upstream.ts';
import { shippedConfig } from '../support/wire-cases.ts';

/*
 * MCP's Streamable HTTP through the gate of config/plexmcp.yaml: the gate is an intermediary that reads none of the
 * messages. The free plan's ten requests a second are in no test's way.
 */
let stage: Stage;
let arrivedBefore = 0;

beforeAll(async () => {
  stage = await startStage({
    config: shippedConfig('plexmcp', [
      ['free: [10/second]', 'free: unlimited'],
      ['# - { path: /mcp, access', '- { path: /mcp, access'],
    ]),
    fixtures: '{M1} {MS} {MRO} {MK} {MR}',
  });
});
afterAll(() => stage.stop());
beforeEach(() => {
  stage.upstream.answerWith(OK);
  arrivedBefore = stage.upstream.requests.length;
});

function arrived() {
  return stage.upstream.requests.slice(arrivedBefore);
}

function bytes(method: string, lines: readonly string[], body = ''): Buffer {
  const all = [`${method} /mcp HTTP/1.1`, 'Host: gate.test', ...lines];
  if (body !== '') all.push(`Content-Length: ${Buffer.byteLength(body)}`);
  return Buffer.from(stage.fixtures.fill(`${all.join('\r\n')}\r\n\r\n${body}`));
}

function send(method: string, lines: readonly string[], body = ''): Promise<RawAnswer> {
  return exchange(stage.gate.port, bytes(method, [...lines, 'Connection: close'], body));
}

const KEY = 'Authorization: ApiKey {M1}';

/** Header lines of MCP revisions 2025-03-26 to 2026-07-28, as clients spell them. */
const MCP_LINES: readonly HeaderLine[] = [
  ['Mcp-Session-Id', '1868a90c-55d4-4f2b'],
  ['MCP-Protocol-Version', '2026-07-28'],
  ['Mcp-Method', 'tools/call'],
  ['Mcp-Name', 'mcp_123:get_weather'],
  ['mcp-param-Region', 'eu "west", 1'],
  ['Last-Event-ID', 'stream-7_42'],
];

describe('an MCP message', () => {
  it.each(['POST', 'GET', 'DELETE'])('by %s passes with its headers as they were written', async (method) => {
    const body = method === 'POST' ? '{"jsonrpc":"2.0","id":1,"method":"tools/call"}' : '';
    stage.upstream.answerWith({ ...OK, headers: [...MCP_LINES, ['Content-Type', 'application/json']] });
    const lines = MCP_LINES.map(([name, value]) => `${name}: ${value}`);
    const answer = await send(method, [KEY, 'Accept: application/json, text/event-stream', ...lines], body);
    const [request] = arrived();
    expect([request?.method, request?.target, request?.body.toString()]).toEqual([method, '/mcp', body]);
    const isMcp = ([name]: HeaderLine) => MCP_LINES.some(([known]) => known === name);
    expect(request?.headers.filter(isMcp)).toEqual(MCP_LINES);
    expect(answer.headers.filter(isMcp)).toEqual(MCP_LINES);
    expect(request && valuesOf(request, 'accept')).toEqual(['application/json, text/event-stream']);
  });

  it('that needs no answer gets 202 and nothing else', async () => {
    stage.upstream.answerWith({ ...OK, status: 202, headers: [], body: '' });
    const answer = await send('POST', [KEY], '{"jsonrpc":"2.0","method":"notifications/initialized"}');
    expect([answer.status, answer.body.length]).toEqual([202, 0]);
  });

  it.each([
    ['GET', 405, [['Allow', 'POST']]],
    ['DELETE', 405, [['Allow', 'POST']]],
    ['POST', 404, [['Content-Type', 'application/json']]],
    ['POST', 400, [['Content-Type', 'application/json']]],
  ] as const)('by %s that the server answers %i is answered so', async (method, status, headers) => {
    const body = '{"jsonrpc":"2.0","error":{"code":-32600,"message":"Session not found"}}';
    stage.upstream.answerWith({ ...OK, status, headers, body });
    const answer = await send(method, [KEY, 'Mcp-Session-Id: gone'], method === 'POST' ? '{}' : '');
    expect([answer.status, answer.body.toString()]).toEqual([status, body]);
    expect(answer.headers).toEqual(expect.arrayContaining([...headers]));
  });

  it("of the server's own refusal is not dressed up", async () => {
    const own: readonly HeaderLine[] = [['WWW-Authenticate', 'Bearer resource_metadata="https://x.example"']];
    stage.upstream.answerWith({ ...OK, status: 401, headers: own, body: 'no' });
    const answer = await send('POST', [KEY], '{}');
    expect([answer.body.toString(), valuesOf(answer, 'www-authenticate')]).toEqual(['no', [own[0]?.[1]]]);
  });
});

describe('a stream of events', () => {
  async function open(method: string, lines: readonly string[]) {
    stage.upstream.answerWith({
      ...OK,
      headers: [
        ['Content-Type', 'text/event-stream'],
        ['Mcp-Session-Id', 's1'],
      ],
      behaviour: 'streams',
    });
    const before = stage.upstream.streams.length;
    const connection = await RawConnection.open(stage.gate.port);
    connection.send(bytes(method, lines, method === 'POST' ? '{}' : ''));
    await connection.until(() => connection.head !== null, 'the head, before any event');
    const stream = stage.upstream.streams[before];
    if (stream === undefined) throw new Error('no stream was opened');
    return { connection, stream };
  }

  it.each(['GET', 'POST'])('by %s reaches the client event by event, heartbeats too', async (method) => {
    const { connection, stream } = await open(method, [KEY, 'Accept: text/event-stream']);
    expect(connection.head && valuesOf(connection.head, 'mcp-session-id')).toEqual(['s1']);
    let sent = '';
    for (const event of ['id: 1\ndata: {"a":1}\n\n', ': heartbeat\n\n', 'event: message\ndata: 2\n\n']) {
      stream.send(event);
      sent += event;
      await connection.until(() => connection.received === sent, 'the event just sent', 2000);
    }
    stream.end();
    expect((await connection.answer()).complete).toBe(true);
  });

  it('is resumed where Last-Event-ID says', async () => {
    const { connection } = await open('GET', [KEY, 'Last-Event-ID: 42', 'Mcp-Session-Id: s1']);
    expect(arrived().map((request) => valuesOf(request, 'last-event-id'))).toEqual([['42']]);
    connection.drop();
  });

  it('stays open beside the calls of its session', async () => {
    const { connection, stream } = await open('GET', [KEY, 'Accept: text/event-stream']);
    stage.upstream.answerWith(OK);
    for (let i = 0; i < 3; i++) expect((await send('POST', [KEY], '{}')).status).toBe(200);
    expect((await send('DELETE', [KEY, 'Mcp-Session-Id: s1'])).status).toBe(200);
    stream.send('data: still here\n\n');
    await connection.until(() => connection.received === 'data: still here\n\n', 'the event');
    connection.drop();
  });

  it('that breaks off breaks off for the client too', async () => {
    const { connection, stream } = await open('GET', [KEY]);
    stream.send('data: 1\n\n');
    await connection.until(() => connection.received !== '', 'the event');
    stream.cut();
    expect((await connection.answer()).complete).toBe(false);
  });
});

describe('a refusal of the gate to an MCP client is JSON-RPC without an id', () => {
  const MCP = 'MCP-Protocol-Version: 2025-11-25';

  it.each([
    ['no key', [MCP], 401, 'unauthorized'],
    ['a revoked key', [MCP, 'X-API-Key: {MR}'], 401, 'revoked_key'],
    ['two keys', [MCP, 'X-API-Key: {M1}', 'Authorization: Bearer {MS}'], 400, 'invalid_request'],
    ['a read-only key that writes', [MCP, 'X-API-Key: {MRO}'], 403, 'forbidden'],
    ['a server outside the list', [MCP, 'X-API-Key: {MS}', 'Mcp-Name: other:tool'], 403, 'mcp_not_permitted'],
  ])('for %s', async (_, lines, status, code) => {
    const answer = await send('POST', lines, '{"jsonrpc":"2.0","id":7,"method":"tools/call"}');
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.body.toString())).toEqual({
      jsonrpc: '2.0',
      error: {
        code: -31_000 - status,
        message: expect.any(String) as string,
        data: expect.objectContaining({ code }) as unknown,
      },
    });
    expect(arrived()).toEqual([]);
    for (const challenge of valuesOf(answer, 'www-authenticate')) expect(challenge).toMatch(/^ApiKey /);
  });

  it('for a server that hangs up', async () => {
    stage.upstream.answerWith({ ...OK, behaviour: 'hangs up' });
    const answer = await send('POST', [MCP, KEY], '{}');
    expect([answer.status, JSON.parse(answer.body.toString())]).toMatchObject([
      502,
      { jsonrpc: '2.0', error: { code: -31_502, data: { code: 'mcp_unreachable' } } },
    ]);
    expect(arrived()).toHaveLength(1);
  });

  it('for a key service that is away, with the time to come back', async () => {
    stage.gate.keyServiceAnswers(false);
    const answer = await send('POST', [MCP, 'X-API-Key: {MK}'], '{}');
    stage.gate.keyServiceAnswers(true);
    expect([answer.status, valuesOf(answer, 'retry-after')]).toEqual([503, ['1']]);
    expect(JSON.parse(answer.body.toString())).toMatchObject({
      error: { code: -31_503, data: { code: 'service_unavailable', details: { retry_after_seconds: 1 } } },
    });
  });
});

describe('with access by-mcp-method on /mcp a read-only key', () => {
  const RO = 'Authorization: ApiKey {MRO}';
  const VERIFIED = 'MCP-Protocol-Version: 2026-07-28';
  const rows: readonly (readonly [string, string, readonly string[], number])[] = [
    ['may list', 'POST', [VERIFIED, 'Mcp-Method: tools/list'], 200],
    ['may read', 'POST', [VERIFIED, 'Mcp-Method: resources/read'], 200],
    ['may say hello', 'POST', [VERIFIED, 'Mcp-Method: server/discover'], 200],
    ['may listen', 'GET', ['Accept: text/event-stream'], 200],
    ['may not call', 'POST', [VERIFIED, 'Mcp-Method: tools/call'], 403],
    ['may not use a method nobody knows', 'POST', [VERIFIED, 'Mcp-Method: tools/listen'], 403],
    ['may not leave the method out', 'POST', [VERIFIED], 403],
    ['may not name two methods', 'POST', [VERIFIED, 'Mcp-Method: tools/list', 'Mcp-Method: tools/call'], 403],
    ['may not end a session', 'DELETE', [VERIFIED, 'Mcp-Method: tools/list'], 403],
    ['may not leave the version out', 'POST', ['Mcp-Method: tools/list'], 403],
    ['is not believed before', 'POST', ['MCP-Protocol-Version: 2025-11-25', 'Mcp-Method: tools/list'], 403],
  ];

  it.each(rows)('%s', async (_, method, lines, status) => {
    const answer = await send(method, [RO, ...lines], method === 'POST' ? '{}' : '');
    expect([answer.status, arrived().length]).toEqual([status, status === 200 ? 1 : 0]);
  });
});

describe('the MCP list of a key', () => {
  it.each([
    ['Authorization: ApiKey {MS}', ['mcp_123']],
    ['Authorization: ApiKey {M1}', []],
  ])('reaches the server with %s', async (line, list) => {
    await send('POST', [line, 'X-Allowed-Mcps: mcp_666', 'x_allowed_mcps: mcp_666'], '{}');
    const [request] = arrived();
    expect(request && valuesOf(request, 'x-allowed-mcps')).toEqual(list);
    expect(request?.bytes.toString()).not.toContain('mcp_666');
  });
});
