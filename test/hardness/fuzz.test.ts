import { randomInt } from 'node:crypto';
import { expect, it } from 'vitest';
import { fuzz } from '../../proof/fuzz/fuzz.ts';
import { judge } from '../../proof/fuzz/judgement.ts';
import { read } from '../../proof/fuzz/reading.ts';

it(
  'the gate and a strict reading of our own agree on 50,000 requests that nobody thought of',
  { timeout: 200_000 },
  async () => {
    const seed = randomInt(2 ** 31);
    const { disagreements, requests } = await fuzz(50_000, seed, () => undefined);
    expect({ seed, disagreements }).toEqual({ seed, disagreements: [] });
    expect(requests).toBeGreaterThanOrEqual(50_000);
  },
);

it('the strict reading knows a body from a request, and what may pass', () => {
  const inner = 'GET /admin HTTP/1.1\r\nHost: a\r\n\r\n';
  const text = `POST /a HTTP/1.1\r\nHost: a\r\nx-api-key: a-key-of-ours\r\nX_User_Id: evil\r\nContent-Length: ${inner.length}\r\n\r\n${inner}${inner}`;
  const { messages, rest } = read(text);
  const judged = messages.map((message) => judge(message, new Map([['a-key-of-ours', 'write']])));
  expect([judged.map(({ status }) => status), rest]).toEqual([[200, 401], 'nothing']);
  expect(judged[0]?.seen).toEqual({ start: 'POST /a HTTP/1.1', lines: [], body: inner });
});
