import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { digestOf } from '../../src/core/secret.ts';
import { openDesk, typed, type Desk } from './typed.ts';

let desk: Desk;

beforeEach(async () => {
  desk = await openDesk();
});

afterEach(() => desk.close());

const FIELDS = { owner: 'acme', name: 'moved', profile: 'plexe', permission: 'read_only' };
const clearKey = () => randomBytes(16).toString('hex');

it.each([
  ['a JSON mapping', (keys: object[]) => JSON.stringify({ keys })],
  ['a JSON list with tabs', (keys: object[]) => JSON.stringify(keys, null, '\t')],
  ['a YAML list', (keys: object[]) => keys.map((key) => `- ${JSON.stringify(key)}\n`).join('')],
])('digests are taken over from %s', async (_, write) => {
  const texts = [clearKey(), clearKey()];
  const ended = {
    status: 'revoked',
    expires_at: '2020-01-01T00:00:00Z',
    key_id: 'old-1',
    limits: ['5/second'],
  };
  const list = texts.map((text, i) => ({ ...FIELDS, sha256: digestOf(text), ...(i === 0 ? ended : {}) }));
  const file = desk.file('list', write(list));
  expect(await desk.run(['keys', 'import', file])).toEqual({ code: 0, out: '2 keys imported\n', err: '' });
  expect((await desk.server.keys.resolve(digestOf(texts[0] ?? ''))).record).toMatchObject({
    keyId: 'old-1',
    expiresAt: Date.UTC(2020, 0, 1),
    revokedAt: expect.any(Number),
    limits: [{ quota: 5, windowMs: 1000 }],
  });
  expect((await desk.server.keys.resolve(digestOf(texts[1] ?? ''))).record).toMatchObject({
    revokedAt: null,
  });
});

/** A server that takes every import and keeps what it was sent. */
async function recorder() {
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      bodies.push(body);
      response.writeHead(201).end('{"imported":1}');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { bodies, url, close: () => server.close() };
}

it('with --hash keys in clear are digested here and never travel', async () => {
  const key = clearKey();
  const recorded = await recorder();
  const file = desk.file('list.yaml', JSON.stringify([{ ...FIELDS, key }]));
  const token = desk.file('other-token', 'a-token-of-this-test');
  const args = ['keys', 'import', file, '--hash', '--url', recorded.url, '--token-file', token];
  expect(await typed(args)).toMatchObject({ code: 0, out: '1 keys imported\n' });
  expect(recorded.bodies.map((body) => JSON.parse(body) as unknown)).toEqual([
    { keys: [expect.objectContaining({ ...FIELDS, sha256: digestOf(key) })] },
  ]);
  expect(recorded.bodies.join('')).not.toContain(key);
  recorded.close();
});

it.each([
  ['a key in clear without --hash', [], (key: string) => ({ ...FIELDS, key })],
  ['a key in the place of its digest', [], (key: string) => ({ ...FIELDS, sha256: key })],
  ['a key in a field that is not known', ['--hash'], (key: string) => ({ ...FIELDS, key, secret: key })],
  ['a key beside a digest', ['--hash'], (key: string) => ({ ...FIELDS, key, sha256: digestOf(key) })],
])('%s is refused before anything is sent, and not repeated', async (_, options, entry) => {
  const key = clearKey();
  const recorded = await recorder();
  const file = desk.file('list.json', JSON.stringify([entry(key)]));
  const token = desk.file('other-token', 'a-token-of-this-test');
  const args = ['keys', 'import', file, ...options, '--url', recorded.url, '--token-file', token];
  const { code, out, err } = await typed(args);
  expect([code, out, recorded.bodies]).toEqual([1, '', []]);
  expect(err).toContain('nothing was sent\n');
  expect(err).not.toContain(key);
  recorded.close();
});

it('what the service minds is shown where it stands in the file', async () => {
  const entry = (owner: string) =>
    `- sha256: ${digestOf(clearKey())}\n  owner: ${owner}\n  name: n\n  profile: plexe\n  permission: read_only\n`;
  const file = desk.file('list.yaml', entry('acme') + entry('acne'));
  const { code, err } = await desk.run(['keys', 'import', file]);
  expect(code).toBe(1);
  expect(err.split('\n')[1]).toBe(`  ${file}:7:10 keys[1].owner: no owner has this id`);
});

it.each([
  ['that does not exist', null, 'the file does not exist'],
  ['that is empty', '', 'the file is empty; allowed: a list of keys, or a mapping of keys'],
  ['with an empty list', '[]', 'found an empty list; allowed: a list of at least one key'],
  ['with a text', 'keys', 'found "keys"; allowed: a list of keys, or a mapping of keys'],
])('a file %s is refused with its place', async (_, text, message) => {
  const file = text === null ? '/nowhere/list.yaml' : desk.file('list.yaml', text);
  const { code, err } = await desk.run(['keys', 'import', file]);
  expect(code).toBe(1);
  expect(err).toContain(`${file}:1:1 ${message}`);
});
