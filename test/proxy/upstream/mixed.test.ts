import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Pool } from '../../../src/proxy/upstream/pool.ts';
import { startTalkingUpstream, type TalkingUpstream } from '../../support/talking-upstream.ts';
import { until } from '../../support/until.ts';
import { Asking, requestTo } from './asking.ts';

/** What an upstream does with a request whose answer is to be `body`. */
const ANSWERS = {
  length: (body: string) => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  chunks: (body: string) =>
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
  interim: (body: string) => `HTTP/1.1 103 Early\r\n\r\n${ANSWERS.length(body)}`,
  closing: (body: string) =>
    `HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  surplus: (body: string) => ANSWERS.length(body) + ANSWERS.length('another'),
  endless: (body: string) => `HTTP/1.1 200 OK\r\n\r\n${body}`,
  short: (body: string) => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length + 1}\r\n\r\n${body}`,
  broken: (body: string) => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}, 1\r\n\r\n${body}`,
} as const;
type Kind = keyof typeof ANSWERS;
const KINDS = Object.keys(ANSWERS) as Kind[];
const ENDS: ReadonlySet<Kind> = new Set(['endless', 'short']);
const FAILS: ReadonlySet<Kind> = new Set(['short', 'broken']);

interface Step {
  readonly kind: Kind;
  /** The answer comes in so many pieces. */
  readonly pieces: number;
  readonly fate: 'stays' | 'leaves' | 'withdrawn' | 'held up';
  /** Whether the next request waits until this one is over. */
  readonly isAwaited: boolean;
}

const STEP: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom(...KINDS),
  pieces: fc.integer({ min: 1, max: 5 }),
  fate: fc.constantFrom('stays', 'stays', 'stays', 'leaves', 'withdrawn', 'held up'),
  isAwaited: fc.boolean(),
});

let upstream: TalkingUpstream;
let pool: Pool;

beforeEach(async () => {
  upstream = await startTalkingUpstream();
  pool = new Pool({ origin: upstream.origin, ca: null, monotonic: () => performance.now() });
});
afterEach(() => upstream.stop());

async function answer(socket: Socket, path: string): Promise<void> {
  const [, kind = 'length', pieces = '1'] = path.split('/');
  const text = ANSWERS[kind as Kind](`the answer to ${path}`);
  // What comes behind an answer comes with its end, since later it may be taken for the next one.
  const length = kind === 'surplus' ? text.length : Math.ceil(text.length / Number(pieces));
  for (let at = 0; at < text.length; at += length) {
    socket.write(text.slice(at, at + length));
    await sleep(0);
  }
  if (ENDS.has(kind as Kind)) socket.end();
}

/** Asks as the step says; the path names the answer. */
async function take({ kind, pieces, fate }: Step, number: number): Promise<void> {
  const path = `/${kind}/${pieces}/${number}`;
  const asking = new Asking(pool, requestTo(path), fate !== 'withdrawn');
  let isHeld = false;
  let isOver = false;
  if (fate === 'held up') {
    asking.onData = () => {
      asking.connection.pause();
      isHeld = true;
      setTimeout(() => isOver || asking.connection.resume(), 2);
    };
  }
  const left = fate === 'leaves' ? sleep(2) : null;
  void left?.then(() => isOver || asking.connection.abort(new Error('left')));
  await asking.over;
  isOver = true;
  if (fate === 'withdrawn') return;
  const own = `the answer to ${path}`;
  expect(own.startsWith(asking.body), `${own} ${asking.body}`).toBe(true);
  if (fate === 'leaves' && !asking.isWhole) return;
  expect([asking.isWhole, path, asking.error?.message]).toEqual([
    !FAILS.has(kind),
    path,
    FAILS.has(kind) ? expect.any(String) : undefined,
  ]);
  if (!FAILS.has(kind)) expect(asking.body).toBe(own);
  if (fate === 'held up' && asking.isWhole) expect(isHeld).toBe(true);
}

describe('requests of every fate on one pool', () => {
  it('get their own answers and no others, and leave no connection behind', async () => {
    upstream.does(({ socket, startLine }) => void answer(socket, startLine.split(' ')[1] ?? ''));
    let number = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(STEP, { minLength: 5, maxLength: 40 }), async (steps) => {
        const under: Promise<void>[] = [];
        for (const step of steps) {
          const taken = take(step, number++);
          under.push(taken);
          if (step.isAwaited) await taken;
        }
        await Promise.all(under);
      }),
      { numRuns: 20 },
    );
    pool.retire();
    await until('the end of all connections', () => upstream.openConnections === 0);
  });
});
