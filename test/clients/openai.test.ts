import OpenAI, { AuthenticationError, PermissionDeniedError, RateLimitError } from 'openai';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { valuesOf } from '../support/http-message.ts';
import type { Stage } from '../support/stage.ts';
import { OK } from '../support/upstream.ts';
import {
  EVENT_STREAM,
  jsonAnswer,
  keyWithLimit,
  newestStream,
  notingFetch,
  startModelStage,
} from './model-stage.ts';

const QUESTION = { model: 'small', messages: [{ role: 'user' as const, content: 'Who is there?' }] };

let stage: Stage;
let arrivedBefore = 0;

beforeAll(async () => {
  stage = await startModelStage();
});
afterAll(() => stage.stop());
beforeEach(() => {
  arrivedBefore = stage.upstream.requests.length;
  stage.upstream.answerWith(OK);
});

function arrived() {
  return stage.upstream.requests.slice(arrivedBefore);
}

/** The SDK as its users make it; `key` is a fixture or a key. */
function client(path: string, key: string, options: { maxRetries?: number; fetch?: typeof fetch } = {}) {
  const baseURL = `http://127.0.0.1:${stage.gate.port}${path}/v1`;
  return new OpenAI({ baseURL, apiKey: stage.fixtures.fill(key), ...options });
}

function completion(content: string) {
  const choices = [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content } }];
  return { id: 'chat-1', object: 'chat.completion', created: 1, model: 'small', choices };
}

function chunk(content: string): string {
  const choices = [{ index: 0, finish_reason: null, delta: { content } }];
  return `data: ${JSON.stringify({ id: 'chat-1', object: 'chat.completion.chunk', created: 1, model: 'small', choices })}\n\n`;
}

describe.each([
  ['as Plexe', '/plexe'],
  ['as RFC 9457 has it', ''],
])('the OpenAI SDK through a gate that refuses %s', (_, path) => {
  it('gets a completion; its key goes no further than the gate', async () => {
    stage.upstream.answerWith(jsonAnswer(completion('The gate.')));
    const answer = await client(path, '{S}').chat.completions.create(QUESTION);
    expect(answer.choices[0]?.message.content).toBe('The gate.');
    expect(arrived().map(({ method, target }) => `${method} ${target}`)).toEqual([
      'POST /v1/chat/completions',
    ]);
    for (const request of arrived()) {
      expect(JSON.parse(request.body.toString())).toEqual(QUESTION);
      expect(valuesOf(request, 'authorization')).toEqual([]);
      expect(valuesOf(request, 'x-owner-id')).toEqual(['owner-s']);
    }
  });

  it('gets a stream chunk by chunk, each before the next is made', async () => {
    stage.upstream.answerWith(EVENT_STREAM);
    const stream = await client(path, '{S}').chat.completions.create({ ...QUESTION, stream: true });
    const chunks = stream[Symbol.asyncIterator]();
    for (const word of ['The', ' gate', '.']) {
      newestStream(stage).send(chunk(word));
      const next = await chunks.next();
      expect(next.done === true ? null : next.value.choices[0]?.delta.content).toBe(word);
    }
    newestStream(stage).send('data: [DONE]\n\n');
    newestStream(stage).end();
    expect((await chunks.next()).done).toBe(true);
  });

  it('ends a stream that it no longer wants at the upstream too', async () => {
    stage.upstream.answerWith(EVENT_STREAM);
    const stream = await client(path, '{S}').chat.completions.create({ ...QUESTION, stream: true });
    stream.controller.abort();
    await vi.waitFor(() => expect(newestStream(stage).closed).toBe(true), { timeout: 1000 });
  });

  it.each(['{UNK}', '{REV}', '{EXP}'])('throws its AuthenticationError with the key %s', async (key) => {
    const asked = client(path, key).chat.completions.create(QUESTION);
    const error: unknown = await asked.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(AuthenticationError);
    expect(error).toMatchObject({ status: 401, requestID: expect.stringMatching(/^req_/) });
    expect(arrived()).toEqual([]);
  });

  it('throws its PermissionDeniedError where a read-only key asks for more than to read', async () => {
    stage.upstream.answerWith(jsonAnswer({ object: 'list', data: [{ id: 'small' }] }));
    const reader = client(path, '{RO}');
    expect((await reader.models.list()).data).toEqual([{ id: 'small' }]);
    await expect(reader.chat.completions.create(QUESTION)).rejects.toBeInstanceOf(PermissionDeniedError);
    expect(arrived().map(({ method }) => method)).toEqual(['GET']);
  });

  it('throws its RateLimitError with a true Retry-After where it is told not to retry', async () => {
    stage.upstream.answerWith(jsonAnswer(completion('Again.')));
    const key = await keyWithLimit(stage, `impatient${path.slice(1)}`, '1/minute');
    const impatient = client(path, key, { maxRetries: 0 });
    await impatient.chat.completions.create(QUESTION);
    const error = await impatient.chat.completions.create(QUESTION).catch((thrown: unknown) => thrown);
    if (!(error instanceof RateLimitError)) throw error;
    stage.gate.advance(Number(error.headers.get('retry-after')) * 1000);
    expect((await impatient.chat.completions.create(QUESTION)).id).toBe('chat-1');
    expect(arrived()).toHaveLength(2);
  });

  it('waits as Retry-After says, and then has its answer at the first retry', async () => {
    stage.upstream.answerWith(jsonAnswer(completion('At last.')));
    const key = await keyWithLimit(stage, `patient${path.slice(1)}`, '1/second');
    const statuses: number[] = [];
    const patient = client(path, key, { fetch: notingFetch(statuses) });
    for (let i = 0; i < 20 && !statuses.includes(429); i++) await patient.chat.completions.create(QUESTION);
    expect(statuses.slice(statuses.indexOf(429))).toEqual([429, 200]);
    expect(arrived()).toHaveLength(statuses.length - 1);
  });
});

it("a refusal in Plexe's form gives the OpenAI SDK its code and message", async () => {
  const asked = client('/plexe', '{REV}').chat.completions.create(QUESTION);
  await expect(asked).rejects.toMatchObject({
    code: 'revoked_key',
    message: '401 API key has been revoked',
  });
});
