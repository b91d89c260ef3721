import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Call } from '../support/talking-upstream.ts';
import { BROKEN_CHUNKS, ENDS, INTERIM, LATE, MALFORMED, SURPLUS, WHOLE, type HardAnswer } from './answers.ts';
import { until } from '../proxy/forward-stage.ts';
import { HardStage, KEYED } from './hard-stage.ts';

let stage: HardStage;

beforeAll(async () => {
  stage = await HardStage.start();
});
afterEach(() => stage.fresh());
afterAll(() => stage.stop());

const NEXT = `GET /next HTTP/1.1\r\n${KEYED}\r\n`;

function end(call: Call, how: HardAnswer['end']): void {
  if (how === 'closes') call.socket.end();
  if (how === 'resets') setTimeout(() => call.socket.resetAndDestroy(), 20);
}

/** Answers requests to /first so, and all others as they should be. */
function answer(hard: HardAnswer): void {
  stage.fresh();
  const proper = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n/next';
  stage.upstream.does((call) => {
    const isFirst = call.startLine.includes('/first');
    const behind = (): void => {
      if (!isFirst) return;
      if (hard.late !== undefined) setTimeout(() => call.socket.write(hard.late ?? ''), 20);
      end(call, hard.end);
    };
    void call.ended.then(() =>
      call.socket.write(Buffer.from(isFirst ? hard.text : proper, 'latin1'), behind),
    );
  });
}

/** A POST is never sent twice, so that one request is one answer. */
function first({ method = 'POST' }: HardAnswer): string {
  return `${method} /first HTTP/1.1\r\n${KEYED}\r\n`;
}

function expectBody({ status, body, method }: HardAnswer, seen: Buffer): void {
  if (status === 502) expect(JSON.parse(seen.toString())).toMatchObject({ reason: 'upstream_unreachable' });
  else expect(seen.toString()).toBe(method === 'HEAD' ? '' : (body ?? ''));
}

async function check(hard: HardAnswer): Promise<void> {
  answer(hard);
  const connection = await stage.send(first(hard) + NEXT, hard.method === 'HEAD' ? 'HEAD' : 'GET');
  if (hard.broken === true) {
    const seen = await connection.answer().catch(() => null);
    await connection.closed;
    expect(seen?.complete ?? false).toBe(false);
    expect(stage.arrived.map(({ startLine }) => startLine)).toEqual(['POST /first HTTP/1.1']);
    return;
  }
  const seen = await connection.answer();
  expect([seen.status, seen.complete]).toEqual([hard.status, true]);
  expectBody(hard, seen.body);
  if (hard.method === 'HEAD') return;
  const next = await connection.answer();
  expect([next.status, next.body.toString()]).toEqual([200, '/next']);
  expect(stage.arrived.filter(({ startLine }) => startLine.includes('/first'))).toHaveLength(1);
}

describe.each([
  ['more than the answer', SURPLUS],
  ['interim answers', INTERIM],
  ['an end', ENDS],
  ['no HTTP', MALFORMED],
  ['broken chunks', BROKEN_CHUNKS],
])('%s of an upstream reaches nobody, and the request behind it has its own answer', (_, table) => {
  it.each(Object.entries(table))('%s', (_, hard) => check(hard));
});

describe('surplus of an upstream on a pooled connection', () => {
  it.each(Object.entries({ ...SURPLUS, ...LATE }))(
    '%s is never the answer to the request of another',
    async (_, hard) => {
      answer(hard);
      const one = await stage.send(first(hard), hard.method);
      expect((await one.answer()).status).toBe(hard.status);
      // What comes late ends the connection; what came at once has done so before.
      const { socket } = stage.arrived[0] ?? {};
      if (hard.late !== undefined) await until(() => socket?.destroyed === true, 'the end of the connection');
      const other = await stage.send(NEXT);
      expect((await other.answer()).body.toString()).toBe('/next');
    },
  );
});

describe.each(Object.entries(WHOLE))('an upstream whose answer %s breaks off behind any byte', (_, text) => {
  const headEnd = text.indexOf('\r\n\r\n') + 4;

  it.each(['closes', 'resets'] as const)(
    'because it %s is 502 or broken off, and is asked once',
    async (how) => {
      for (let at = 0; at < text.length; at++) {
        stage.fresh();
        stage.upstream.does((call) => {
          void call.ended.then(() => call.socket.write(text.slice(0, at), () => end(call, how)));
          if (at === 0) void call.ended.then(() => end(call, how));
        });
        const connection = await stage.send(`POST /dies HTTP/1.1\r\n${KEYED}\r\n`);
        const answer = await connection.answer().catch(() => null);
        if (at < headEnd) expect([at, answer?.status]).toEqual([at, 502]);
        else expect([at, answer?.complete ?? false]).toEqual([at, false]);
        expect(stage.arrived).toHaveLength(1);
      }
    },
  );
});
