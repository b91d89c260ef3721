import { describe, expect, test } from 'vitest';
import { digestOf } from '../../src/core/secret.ts';
import { answer, type Script } from '../support/scripted-server.ts';
import { DEADLINE_MS, FOUND, HEAD, asking, never, record } from './service-stage.ts';

const digest = digestOf('a key');
const raw =
  (...parts: string[]): Script =>
  (socket) => {
    for (const part of parts) socket.write(part, 'latin1');
  };
const endless: Script = (socket) => {
  socket.write(`${HEAD}transfer-encoding: chunked\r\n\r\n`);
  const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`;
  const more = (): void => {
    while (socket.writable && socket.write(chunk));
  };
  socket.on('drain', more);
  more();
};

describe('an answer that cannot be used says nothing of the key:', () => {
  const faults: [what: string, script: Script, message: string | RegExp][] = [
    [
      'a page of some other server',
      answer('200 OK', '<html>', 'content-type: text/html\r\n'),
      'not with application/json',
    ],
    [
      'JSON said to be text',
      answer('200 OK', FOUND, 'content-type: text/plain\r\n'),
      'not with application/json',
    ],
    ['JSON of no said type', answer('200 OK', FOUND, ''), 'not with application/json'],
    ['no JSON', answer('200 OK', 'x'), 'answered 200, but with a body that is not JSON'],
    ['nothing', answer('200 OK', ''), 'answered 200, but with a body that is not JSON'],
    [
      'half a JSON text',
      answer('200 OK', FOUND.slice(0, 100)),
      'answered 200, but with a body that is not JSON',
    ],
    ['JSON that is not UTF-8', raw(`${HEAD}content-length: 3\r\n\r\n"\xff"`), 'a body that is not JSON'],
    [
      'JSON packed though nobody asked',
      answer('200 OK', '\x1f\x8b', `${HEAD.slice(17)}content-encoding: gzip\r\n`),
      'not JSON',
    ],
    ['null', answer('200 OK', 'null'), 'answered 200, but the answer must be a JSON object'],
    ['no record', answer('200 OK', '{"as_of":1}'), 'answered 200, but record is missing'],
    [
      'a record without a field',
      answer('200 OK', FOUND.replace('revoked_at', 'revokedAt')),
      'record.revoked_at is missing',
    ],
    ['no as_of', answer('200 OK', JSON.stringify({ record })), 'answered 200, but as_of is missing'],
    ['no content at all', raw('HTTP/1.1 204 No Content\r\n\r\n'), 'answered 204'],
    ['another yes', answer('201 Created', FOUND), 'answered 201'],
    [
      'a page that is not there',
      answer('404 Not Found', 'no', 'content-type: text/plain\r\n'),
      'is the URL that of a key service?',
    ],
    [
      'JSON that is not there',
      answer('404 Not Found', '{"error":"no"}'),
      'but as_of is missing; is the URL that of a key service?',
    ],
    ['a key that is gone', answer('410 Gone', '{"as_of":3}'), 'answered 410'],
    ['a refusal', answer('403 Forbidden', '{"as_of":3}'), 'refused the service token (403)'],
    ['too many requests', answer('429 Too Many Requests', '{"as_of":3}'), 'answered 429'],
    ['a failure', answer('500 Internal Server Error', FOUND), 'answered 500'],
    [
      'a redirection',
      answer('307 Temporary Redirect', '', 'location: /elsewhere\r\n'),
      'redirections are not followed',
    ],
    ['no HTTP', raw('220 mail.example.com ESMTP\r\n'), /did not answer \(H/],
    [
      'a head that never ends',
      raw('HTTP/1.1 200 OK\r\n', `x: ${'y'.repeat(100_000)}`),
      'did not answer (UND_ERR_HEADERS_OVERFLOW)',
    ],
    ['two lengths', raw(`${HEAD}content-length: 2\r\ncontent-length: 4\r\n\r\n{}{}`), /did not answer \(/],
    [
      'a length and chunks',
      raw(`${HEAD}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`),
      /did not answer \(/,
    ],
    [
      'a protocol nobody asked for',
      raw('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'),
      /did not answer \(/,
    ],
    ['ten megabytes', answer('200 OK', `{"x":"${'x'.repeat(10_000_000)}"}`), 'answered with more than'],
    ['an answer without end', endless, 'answered with more than'],
    [
      'ten megabytes of failure',
      answer('500 Internal Server Error', 'x'.repeat(10_000_000)),
      'answered with more than',
    ],
    ['a connection closed', (socket) => void socket.end(), 'did not answer (UND_ERR_SOCKET)'],
    [
      'a connection reset',
      (socket) => void socket.resetAndDestroy(),
      /did not answer \((?:ECONNRESET|UND_ERR_SOCKET)\)/,
    ],
    [
      'half an answer',
      (socket) => void socket.end(`${HEAD}content-length: 1000\r\n\r\n${FOUND.slice(0, 50)}`),
      'broke off its answer (UND_ERR',
    ],
    [
      'half an answer in chunks',
      (socket) => void socket.end(`${HEAD}transfer-encoding: chunked\r\n\r\n5\r\n{"rec`),
      'broke off its answer (',
    ],
  ];
  test.for(faults)('%s', async ([, script, message]) => {
    const { client, server } = await asking(script);
    await expect(client.resolve(digest, never)).rejects.toMatchObject({
      name: 'KeyServiceError',
      message:
        typeof message === 'string' ? expect.stringContaining(message) : expect.stringMatching(message),
    });
    expect(server.requests).toHaveLength(1);
    // Nothing of it is left for the next question.
    server.follow(answer('200 OK', FOUND));
    expect(await client.resolve(digest, never)).toMatchObject({ asOf: 9 });
  });

  test.for<[what: string, script: Script]>([
    ['silence', () => undefined],
    ['a head and silence', raw(`${HEAD}content-length: 10\r\n\r\n`)],
  ])('%s', async ([, script]) => {
    const { client } = await asking(script, DEADLINE_MS);
    const message = `the key service did not answer within ${DEADLINE_MS} ms`;
    await expect(client.resolve(digest, never)).rejects.toThrow(message);
  });

  test('an answer that dribbles in until long after the deadline', async () => {
    const { client, server } = await asking((socket) => {
      socket.write(`${HEAD}content-length: ${FOUND.length}\r\n\r\n`);
      let sent = 0;
      const timer = setInterval(() => void socket.write(FOUND.charAt(sent++)), 20);
      socket.on('close', () => clearInterval(timer));
    }, DEADLINE_MS);
    const before = performance.now();
    await expect(client.resolve(digest, never)).rejects.toThrow('did not answer within');
    expect(performance.now() - before).toBeLessThan(20 * DEADLINE_MS);
    await expect.poll(() => server.openConnections).toBe(0);
  });

  test('a second answer nobody asked for is not the next question’s', async () => {
    const forged = JSON.stringify({ record: { ...record, key_id: 'forged' }, as_of: 10 });
    const { client, server } = await asking((socket, request) => {
      answer('404 Not Found', '{"as_of":1}')(socket, request);
      answer('200 OK', forged)(socket, request);
    });
    expect(await client.resolve(digest, never)).toEqual({ record: null, asOf: 1 });
    server.follow(answer('404 Not Found', '{"as_of":2}'));
    const next = await client.resolve(digest, never).catch(() => null);
    expect(next?.record ?? null).toBeNull();
  });
});
