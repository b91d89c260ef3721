import Anthropic, { AuthenticationError, PermissionDeniedError, RateLimitError } from '@anthropic-ai/sdk';
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

const QUESTION = {
  model: 'small',
  max_tokens: 10,
  messages: [{ role: 'user' as const, content: 'Who is there?' }],
};

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

type Placement = 'x-api-key' | 'bearer';

/** The SDK sends its `apiKey` as Bearer, and as x-api-key a key that is set as that header. */
function client(
  placement: Placement,
  path: string,
  key: string,
  options: { maxRetries?: number; fetch?: typeof fetch } = {},
) {
  const baseURL = `http://127.0.0.1:${stage.gate.port}${path}`;
  const text = stage.fixtures.fill(key);
  return placement === 'bearer'
    ? new Anthropic({ baseURL, apiKey: text, ...options })
    : new Anthropic({
        baseURL,
        apiKey: null,
        defaultHeaders: { 'X-Api-Key': text, Authorization: null },
        ...options,
      });
}

function message(text: string) {
  return {
    id: 'msg-1',
    type: 'message',
    role: 'assistant',
    model: 'small',
    content: text === '' ? [] : [{ type: 'text', text }],
    stop_reason: text === '' ? null : 'end_turn',
    stop_sequence: null,
    usage: { input_tokens: 1, output_tokens: 1 },
  };
}

function event(type: string, fields: object): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;
}

describe.each<[Placement, string]>([
  ['x-api-key', '/plexe'],
  ['x-api-key', ''],
  ['bearer', '/plexe'],
])('the Anthropic SDK with its key as %s at http://gate%s', (placement, path) => {
  const named = `${placement}${path.replace('/', '-')}`;

  it('gets a message; its key goes no further than the gate, its version does', async () => {
    stage.upstream.answerWith(jsonAnswer(message('The gate.')));
    const answer = await client(placement, path, '{S}').messages.create(QUESTION);
    expect(answer.content).toEqual([{ type: 'text', text: 'The gate.' }]);
    expect(arrived().map(({ method, target }) => `${method} ${target}`)).toEqual(['POST /v1/messages']);
    for (const request of arrived()) {
      expect(JSON.parse(request.body.toString())).toEqual(QUESTION);
      expect(request.bytes.toString('latin1')).not.toContain(stage.fixtures.fill('{S}'));
      expect(valuesOf(request, 'anthropic-version')).toHaveLength(1);
      expect(valuesOf(request, 'x-owner-id')).toEqual(['owner-s']);
    }
  });

  it('gets a stream event by event, each before the next is made', async () => {
    stage.upstream.answerWith(EVENT_STREAM);
    const stream = await client(placement, path, '{S}').messages.create({ ...QUESTION, stream: true });
    const events = stream[Symbol.asyncIterator]();
    newestStream(stage).send(event('message_start', { message: message('') }));
    expect((await events.next()).value).toMatchObject({ type: 'message_start' });
    for (const text of ['The', ' gate', '.']) {
      const delta = { type: 'text_delta', text };
      newestStream(stage).send(event('content_block_delta', { index: 0, delta }));
      expect((await events.next()).value).toMatchObject({ delta });
    }
    newestStream(stage).send(event('message_stop', {}));
    newestStream(stage).end();
    expect((await events.next()).value).toMatchObject({ type: 'message_stop' });
    expect((await events.next()).done).toBe(true);
  });

  it('ends a stream that it no longer wants at the upstream too', async () => {
    stage.upstream.answerWith(EVENT_STREAM);
    const stream = await client(placement, path, '{S}').messages.create({ ...QUESTION, stream: true });
    stream.controller.abort();
    await vi.waitFor(() => expect(newestStream(stage).closed).toBe(true), { timeout: 1000 });
  });

  it.each(['{UNK}', '{REV}', '{EXP}'])('throws its AuthenticationError with the key %s', async (key) => {
    const asked = client(placement, path, key).messages.create(QUESTION);
    const error: unknown = await asked.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(AuthenticationError);
    expect(error).toMatchObject({ status: 401 });
    expect(arrived()).toEqual([]);
  });

  it('throws its PermissionDeniedError where a read-only key asks for more than to read', async () => {
    stage.upstream.answerWith(jsonAnswer({ data: [{ id: 'small' }], has_more: false }));
    const reader = client(placement, path, '{RO}');
    expect((await reader.models.list()).data).toEqual([{ id: 'small' }]);
    await expect(reader.messages.create(QUESTION)).rejects.toBeInstanceOf(PermissionDeniedError);
    expect(arrived().map(({ method }) => method)).toEqual(['GET']);
  });

  it('throws its RateLimitError with a true Retry-After where it is told not to retry', async () => {
    stage.upstream.answerWith(jsonAnswer(message('Again.')));
    const key = await keyWithLimit(stage, `impatient-${named}`, '1/minute');
    const impatient = client(placement, path, key, { maxRetries: 0 });
    await impatient.messages.create(QUESTION);
    const error = await impatient.messages.create(QUESTION).catch((thrown: unknown) => thrown);
    if (!(error instanceof RateLimitError)) throw error;
    stage.gate.advance(Number(error.headers.get('retry-after')) * 1000);
    expect((await impatient.messages.create(QUESTION)).id).toBe('msg-1');
    expect(arrived()).toHaveLength(2);
  });

  it('waits as Retry-After says, and then has its answer at the first retry', async () => {
    stage.upstream.answerWith(jsonAnswer(message('At last.')));
    const key = await keyWithLimit(stage, `patient-${named}`, '1/second');
    const statuses: number[] = [];
    const patient = client(placement, path, key, { fetch: notingFetch(statuses) });
    for (let i = 0; i < 20 && !statuses.includes(429); i++) await patient.messages.create(QUESTION);
    expect(statuses.slice(statuses.indexOf(429))).toEqual([429, 200]);
    expect(arrived()).toHaveLength(statuses.length - 1);
  });
});
