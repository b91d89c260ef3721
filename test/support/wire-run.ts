/* oxlint-disable vitest/no-standalone-expect, vitest/valid-expect -- called by tests; the second argument says what differs */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { TestGate } from './gate.ts';
import { valuesOf, type HeaderLine } from './http-message.ts';
import { RawConnection, requestBytes, sendInOneGo, sendOneByOne, type RawAnswer } from './raw-client.ts';
import { startStage, type Stage } from './stage.ts';
import type { Upstream } from './upstream.ts';
import {
  expectAnswer,
  expectArrivals,
  expectHeaders,
  expectOutputWithoutKeys,
  expectStatuses,
  seriesOf,
} from './wire-expect.ts';
import type {
  PartialRequest,
  RequestStep,
  StreamStep,
  WireCase,
  WireRequest,
  WireStep,
} from './wire-cases.ts';
import type { Fixtures } from './wire-fixtures.ts';

/** Runs one case against a gate, a key service and an upstream of its own. */
export async function runCase(wireCase: WireCase, config: string): Promise<void> {
  for (const env of wireCase.env) await runIn(env, wireCase, config);
}

async function runIn(
  env: Record<string, string>,
  { steps = [], redis: withRedis, sharing }: WireCase,
  config: string,
): Promise<void> {
  const stage = await startStage({ config, env, withRedis, sharing, fixtures: JSON.stringify(steps) });
  try {
    const run = new CaseRun(stage);
    for (const step of steps) await run.step(step);
    expectOutputWithoutKeys([...stage.gate.logLines, await stage.gate.metrics()], stage.fixtures.texts);
  } finally {
    await stage.stop();
  }
}

class CaseRun {
  readonly #fixtures: Fixtures;
  readonly #gate: TestGate;
  readonly #upstream: Upstream;
  readonly #redis: Stage['redis'];
  #lastAnswer: RawAnswer | null = null;
  #series: readonly string[] = [];

  constructor({ gate, upstream, fixtures, redis }: Stage) {
    this.#redis = redis;
    this.#gate = gate;
    this.#upstream = upstream;
    this.#fixtures = fixtures;
  }

  async step(step: WireStep): Promise<void> {
    if ('request' in step) await this.#request(step);
    else if ('stream' in step) await this.#stream(step);
    else if ('advance' in step) this.#advance(step.advance);
    else if ('revoke' in step) await this.#fixtures.revoke(step.revoke);
    else if ('disable' in step) await this.#fixtures.disable(step.disable);
    else if ('create' in step) await this.#fixtures.create(step.create);
    else if ('upstream' in step) await this.#upstream.stop();
    else if ('keyService' in step) this.#gate.keyServiceAnswers(step.keyService === 'back');
    else if ('redis' in step) await this.#redis?.kill();
    else if ('log' in step) await this.#log(step.log);
    else await this.#compareSeries(step.series);
  }

  #advance(by: number | 'retry-after'): void {
    this.#gate.advance(by === 'retry-after' ? this.#retryAfterMs() : by);
  }

  async #request(step: RequestStep): Promise<void> {
    if (step.answer !== undefined) this.#upstream.answerWith(step.answer);
    const lookupsBefore = this.#gate.resolves();
    const { answers, arrivedBefore } = await this.#play(step);
    expectStatuses(answers, step.expect.status);
    for (const answer of answers) expectAnswer(answer, step.expect, (text) => this.#fixtures.fill(text));
    const { countsDown, lookups, upstream } = step.expect;
    if (countsDown !== undefined) {
      const numbers = answers.map((answer) => valuesOf(answer, countsDown.header).join());
      expect(numbers).toEqual(answers.map((_, i) => String(countsDown.from - i)));
    }
    if (lookups !== undefined) expect(this.#gate.resolves() - lookupsBefore, 'lookups').toBe(lookups);
    if (upstream !== undefined) {
      const arrived = this.#upstream.requests.slice(arrivedBefore);
      expectArrivals(arrived, upstream, (text) => this.#fixtures.fill(text));
    }
    this.#lastAnswer = answers.at(-1) ?? null;
    for (const [name, place] of Object.entries(step.keeps)) {
      const body: unknown = JSON.parse(this.#lastAnswer?.body.toString('utf8') ?? 'null');
      if (typeof place === 'string') this.#fixtures.keepText(name, textAt(body, place));
      else this.#fixtures.keepKey(name, { id: textAt(body, place.id), text: textAt(body, place.key) });
    }
  }

  async #play(step: RequestStep): Promise<{ answers: RawAnswer[]; arrivedBefore: number }> {
    const arrivedBefore = this.#upstream.requests.length;
    const bytes = step.each.flatMap((part) =>
      Array.from({ length: step.repeat }, () => this.#bytes(step.request, part, step.atOnce)),
    );
    if (!step.atOnce) {
      const ports = step.door === 'traffic' ? this.#gate.ports : [this.#gate.forwardAuthPort];
      const sent = ports.map((port, i) => {
        const own = bytes.filter((_, k) => k % ports.length === i);
        return sendOneByOne(port, own, step.parallel);
      });
      return { answers: (await Promise.all(sent)).flat(), arrivedBefore };
    }
    const letGo = this.#gate.hold();
    try {
      return { answers: await sendInOneGo(this.#gate.port, bytes, step.parallel), arrivedBefore };
    } finally {
      letGo();
    }
  }

  async #stream(step: StreamStep): Promise<void> {
    this.#upstream.answerWith({ ...step.answer, behaviour: 'streams' });
    const connection = await RawConnection.open(this.#gate.port);
    try {
      connection.send(this.#bytes(step.stream));
      await connection.until(() => connection.head !== null, 'the head of the answer');
      expect(connection.status).toBe(step.answer.status);
      const stream = this.#upstream.streams.at(-1);
      if (connection.head === null || stream === undefined) throw new Error('no stream was opened');
      expectHeaders(connection.head, step.headers, (text) => this.#fixtures.fill(text));
      let sent = '';
      for (const event of step.events) {
        stream.send(event);
        sent += event;
        await connection.until(() => connection.received === sent, 'the event just sent', 2000);
      }
      expect(connection.received).toBe(sent);
      if (step.revoked !== undefined) {
        await this.#fixtures.revoke(step.revoked);
        await expectEnded(connection, () => stream.closed);
      } else if (step.leave) await expectLeavingSeen(connection, () => stream.closed);
      else {
        stream.end();
        expect((await connection.answer()).complete).toBe(true);
      }
    } finally {
      connection.drop();
    }
  }

  #bytes(base: WireRequest, part: PartialRequest = {}, keepAlive = false): Buffer {
    const fill = (text: string): string => this.#fixtures.fill(text);
    const raw = part.raw ?? base.raw;
    if (raw !== undefined) return Buffer.from(fill(raw), 'latin1');
    const lines = (part.headers ?? base.headers).map(([name, value]): HeaderLine => [
      fill(name),
      fill(value),
    ]);
    if (keepAlive) lines.push(['Connection', 'keep-alive']);
    const hasHost = lines.some(([name]) => name.toLowerCase() === 'host');
    return requestBytes({
      method: fill(part.method ?? base.method),
      target: fill(part.target ?? base.target),
      headers: hasHost ? lines : [['Host', 'gate.test'], ...lines],
      body: fill(part.body ?? base.body),
    });
  }

  /** What the last answer asked the client to wait. */
  #retryAfterMs(): number {
    const seconds = this.#lastAnswer === null ? [] : valuesOf(this.#lastAnswer, 'retry-after');
    expect(seconds, 'Retry-After of the last answer').toEqual([expect.stringMatching(/^[1-9]\d*$/)]);
    return Number(seconds[0]) * 1000;
  }

  /** The record is written when the answer has left, which may be after the client has read it. */
  async #log(fields: Record<string, unknown>): Promise<void> {
    const filled = JSON.parse(this.#fixtures.fill(JSON.stringify(fields))) as Record<string, unknown>;
    const deadline = Date.now() + 2000;
    const requests = () => this.#gate.logLines.filter((line) => line.includes('"msg":"request"'));
    while (requests().length === 0 && Date.now() < deadline) await sleep(10);
    const record = JSON.parse(requests().at(-1) ?? '{}') as Record<string, unknown>;
    for (const [name, value] of Object.entries(filled)) {
      if (value === 'a number') expect(record[name], name).toEqual(expect.any(Number));
      else if (typeof value === 'string' && value.startsWith('/')) {
        expect(record[name], name).toMatch(new RegExp(value.slice(1, -1)));
      } else expect(record[name], name).toEqual(value);
    }
  }

  async #compareSeries(what: 'remember' | 'unchanged'): Promise<void> {
    const series = seriesOf(await this.#gate.metrics());
    if (what === 'unchanged') expect(series).toEqual(this.#series);
    this.#series = series;
  }
}

function textAt(body: unknown, place: string): string {
  const value = place
    .split('.')
    .reduce((from: unknown, name) => (from as Record<string, unknown> | null | undefined)?.[name], body);
  expect(value, place).toBeTypeOf('string');
  return String(value);
}

async function expectLeavingSeen(connection: RawConnection, closed: () => boolean): Promise<void> {
  connection.drop();
  const deadline = Date.now() + 1000;
  while (!closed() && Date.now() < deadline) await sleep(5);
  expect(closed(), 'the upstream sees within a second that the client has left').toBe(true);
}

async function expectEnded(connection: RawConnection, closed: () => boolean): Promise<void> {
  const ended = await Promise.race([connection.closed.then(() => true), sleep(2000).then(() => false)]);
  expect(ended, 'the stream of the client ends within two seconds').toBe(true);
  expect(closed(), 'the stream of the upstream ends too').toBe(true);
}
