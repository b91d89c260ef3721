import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { HardStage, KEYED, ownLines } from './hard-stage.ts';
import { HEADS, STARTS, TARGETS } from './request-heads.ts';
import { CHUNKS, FRAMING, type HardRequest } from './requests.ts';

let stage: HardStage;

beforeAll(async () => {
  stage = await HardStage.start();
});
afterEach(() => stage.fresh());
afterAll(() => stage.stop());

function bytesOf(hard: HardRequest): string {
  const { method = 'POST', target = '/orders', version = 'HTTP/1.1', lines = [], body = '' } = hard;
  const own = lines.map((line) => `${line}\r\n`).join('');
  return `${hard.head ?? `${method} ${target} ${version}\r\n${KEYED}${own}\r\n`}${body}`;
}

/** What should be seen of it: nothing, where the gate refuses it. */
function seenOf(hard: HardRequest): object[] {
  const { method = 'POST', target = '/orders', lines = [], body = '', seen = {} } = hard;
  if (hard.status !== undefined) return [];
  return [
    {
      start: `${method} ${seen.target ?? target} HTTP/1.1`,
      lines: seen.lines ?? lines,
      body: seen.body ?? body,
    },
  ];
}

/** Whole requests: one that breaks off, because the client's did, is none. */
function arrived(): object[] {
  const calls = stage.arrived.filter((call) => call.whole());
  return calls.map((call) => ({ start: call.startLine, lines: ownLines(call), body: call.body() }));
}

const NEXT = { method: 'GET', target: '/next', lines: ['X-Next: 1'] } as const;

async function check(hard: HardRequest): Promise<void> {
  const connection = await stage.send(bytesOf(hard));
  expect((await connection.answer()).status).toBe(hard.status ?? 200);
  expect(arrived()).toEqual(seenOf(hard));
}

async function checkPipelined(hard: HardRequest): Promise<void> {
  const connection = await stage.send(bytesOf(hard) + bytesOf(NEXT));
  const answer = await connection.answer();
  expect(answer.status).toBe(hard.status ?? 200);
  if (hard.next === 'cut') {
    await connection.closed;
    expect(arrived()).toEqual(seenOf(hard));
    await expect(connection.answer()).rejects.toThrow('without an answer');
    return;
  }
  const next = await connection.answer();
  expect([next.status, next.body.toString()]).toEqual([200, '/next']);
  expect(arrived()).toEqual([...seenOf(hard), ...seenOf(NEXT)]);
}

describe.each([
  ['the framing of a body', FRAMING],
  ['the head of a request', HEADS],
  ['the target of a request', TARGETS],
  ['the start of a request', STARTS],
  [
    'chunks',
    Object.fromEntries(
      Object.entries(CHUNKS).map(([title, hard]) => [
        title,
        { ...hard, lines: ['Transfer-Encoding: chunked'] } satisfies HardRequest,
      ]),
    ),
  ],
])('%s is what the upstream sees, or is refused', (_, table: Readonly<Record<string, HardRequest>>) => {
  const cases = Object.entries(table);

  it.each(cases)('%s', (_, hard) => check(hard));

  it.each(cases)('%s, with a request behind it', (_, hard) => checkPipelined(hard));

  it.each(cases)('%s, byte by byte', async (_, hard) => {
    const bytes = stage.fixtures.fill(bytesOf(hard));
    if (bytes.length > 2000) return;
    const connection = await stage.open();
    for (const byte of bytes) {
      connection.send(byte);
      await new Promise(setImmediate);
    }
    expect((await connection.answer()).status).toBe(hard.status ?? 200);
    expect(arrived()).toEqual(seenOf(hard));
  });
});
