import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { callAdmin } from '../../src/cli/admin-client.ts';
import { Secret } from '../../src/core/secret.ts';
import { ADMIN } from '../key-service/running-server.ts';
import { openDesk, typed, type Desk } from './typed.ts';

let desk: Desk;

beforeEach(async () => {
  desk = await openDesk();
});

afterEach(() => desk.close());

const LIST = ['owners', 'list'];
const config = (more: string) => `keyService: { host: 0.0.0.0, port: ${desk.server.port}, ${more} }`;

describe('where the key service is and its token', () => {
  it('come from the configuration', async () => {
    const file = desk.file('gate.yaml', config(`adminToken: [${ADMIN}, an-older-token]`));
    expect(await typed([...LIST, '--config', file])).toMatchObject({ code: 0, err: '' });
  });

  it('come from the secrets beside the store where the configuration leaves the token out', async () => {
    const secrets = { serviceToken: 's', adminToken: ADMIN, peppers: { current: 'p1', p1: 'p' } };
    const path = desk.file('secrets.json', JSON.stringify(secrets));
    const file = desk.file('gate.yaml', config(`store: "sqlite:${path.replace('secrets.json', 'keys.db')}"`));
    expect(await typed([...LIST, '--config', file])).toMatchObject({ code: 0, err: '' });
  });

  it('can be told each in place of what the configuration says', async () => {
    const wrong = desk.file('gate.yaml', 'keyService: { port: 1, adminToken: not-the-token }');
    const token = desk.file('right', ADMIN);
    const args = [...LIST, '--config', wrong, '--url', `${desk.url}/`, '--token-file', token];
    expect(await typed(args)).toMatchObject({ code: 0 });
    const right = desk.file('gate.yaml', `keyService: { port: 1, adminToken: ${ADMIN} }`);
    expect(await typed([...LIST, '--config', right, '--url', desk.url])).toMatchObject({ code: 0 });
  });

  it.each([
    ['nothing', []],
    ['a URL alone', ['--url', 'http://127.0.0.1:8081']],
    ['a token alone', ['--token-file', 'token']],
    ['a URL with a password', ['--url', 'http://a:b@127.0.0.1', '--token-file', 'token']],
    ['a URL of another kind', ['--url', 'ftp://127.0.0.1', '--token-file', 'token']],
    ['no URL', ['--url', '127.0.0.1:8081', '--token-file', 'token']],
  ])('%s is bad usage', async (_, args) => {
    expect(await typed([...LIST, ...args])).toMatchObject({ code: 2, out: '' });
  });

  it.each([
    [
      'a configuration without a key service',
      'proxy: { routes: [{ auth: none, upstream: echo }] }',
      'has no keyService section',
    ],
    ['a configuration with mistakes', 'keyServise: {}', ':1:1 keyServise: unknown field'],
    ['any free port', `keyService: { port: 0, adminToken: ${ADMIN} }`, 'any free port; give --url'],
    [
      'a store that never started',
      'keyService: { store: "sqlite:/nowhere/keys.db" }',
      '/nowhere/secrets.json is not there',
    ],
  ])('%s is a failure that says what to do', async (_, text, message) => {
    const { code, out, err } = await typed([...LIST, '--config', desk.file('gate.yaml', text)]);
    expect([code, out]).toEqual([1, '']);
    expect(err).toContain(message);
  });

  it.each([
    ['that is not there', null, 'does not exist'],
    ['with two words', 'two words', 'does not hold one token'],
    ['that is empty', '\n', 'does not hold one token'],
  ])('a token file %s is a failure', async (_, text, message) => {
    const path = text === null ? '/nowhere/token' : desk.file('wrong', text);
    const { code, err } = await typed([...LIST, '--url', desk.url, '--token-file', path]);
    expect([code, err.includes(`the token file ${path} ${message}`)]).toEqual([1, true]);
  });

  it('a wrong token is refused by the key service, and not repeated', async () => {
    const token = randomBytes(16).toString('hex');
    const { code, err } = await typed([
      ...LIST,
      '--url',
      desk.url,
      '--token-file',
      desk.file('wrong', token),
    ]);
    expect(code).toBe(1);
    expect(err).toContain('401 Unauthorized: This needs the admin token');
    expect(err).not.toContain(token);
  });
});

/** A server of the test's own; it ends with the test. */
async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('a key service that does not answer as it should', () => {
  const say = async (url: string) => {
    const { code, err } = await typed([...LIST, '--url', url, '--token-file', desk.file('t', ADMIN)]);
    expect(code).toBe(1);
    return err.replace(/^plexgate: GET \S+: /, '');
  };

  it('is told from one that is not there', async () => {
    const gone = await openDesk();
    await gone.close();
    expect(await say(gone.url)).toBe('no answer: nothing listens there\n');
  });

  it('is waited for no longer than the deadline', async () => {
    const url = await serve(() => undefined);
    const access = { url, token: new Secret('a-token') };
    expect(await callAdmin(access, { method: 'GET', path: '/', deadlineMs: 50 })).toEqual({
      kind: 'no_answer',
      why: 'no answer within 0.05 s',
    });
  });

  it('is waited for no longer when its answer stops half-way', async () => {
    const url = await serve((_, response) => void response.writeHead(200).write('{'));
    const access = { url, token: new Secret('a-token') };
    const answer = await callAdmin(access, { method: 'GET', path: '/', deadlineMs: 200 });
    expect(answer).toEqual({ kind: 'no_answer', why: 'no answer within 0.2 s' });
  });

  it.each([
    ['no JSON', 200, 'hello', '200 OK: an answer that is not the key service’s\n'],
    ['JSON of others', 404, '{"error":"x"}', '404 Not Found: an answer that is not the key service’s\n'],
    [
      'what would steer a terminal',
      500,
      '{"detail":"\\u001b[31m"}',
      '500 Internal Server Error: \ufffd[31m\n',
    ],
  ])('with %s is quoted with care', async (_, status, body, expected) => {
    expect(await say(await serve((_request, response) => response.writeHead(status).end(body)))).toBe(
      expected,
    );
  });

  it('is not followed elsewhere, so that the token reaches nobody else', async () => {
    let reached = 0;
    const elsewhere = await serve((_, response) => {
      reached += 1;
      response.end('{}');
    });
    const url = await serve((_, response) => response.writeHead(307, { location: elsewhere }).end());
    expect(await say(url)).toMatch(/^307 Temporary Redirect: /);
    expect(reached).toBe(0);
  });
});
