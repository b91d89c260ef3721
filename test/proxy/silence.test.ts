import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { digestOf } from '../../src/core/secret.ts';
import { KeyServiceError } from '../../src/proxy/keys/service-error.ts';
import { recordOf } from '../support/key-record.ts';
import { D1, RECORD, stage } from './lookup-stage.ts';

const AWAY = { kind: 'unavailable', detail: 'the key service does not answer' };
const [D2, D3] = [digestOf('two'), digestOf('three')];
const KNOWN = digestOf('known');

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Lookups on a clock that goes with the timers. */
function scene() {
  const { clock, ...rest } = stage();
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 10) {
      clock.advance(10);
      await vi.advanceTimersByTimeAsync(10);
      await turn();
    }
  };
  /** A question that is answered after so many milliseconds. */
  const answeredAfter = async (ms: number): Promise<void> => {
    const asked = rest.keys.ask(KNOWN, true);
    await turn();
    const question = rest.source.last;
    await pass(ms);
    question.answer(RECORD, 0);
    await asked;
    rest.source.questions.length = 0;
  };
  return { ...rest, pass, answeredAfter };
}

describe('a key service that is silent', () => {
  it('is waited for a quarter of a second, and then by nobody', async () => {
    const { keys, source, pass, answeredAfter } = scene();
    await answeredAfter(0);
    const first = keys.ask(D1, true);
    let answered = false;
    void first.then(() => (answered = true));
    await pass(240);
    expect(answered).toBe(false);
    await pass(20);
    expect(await first).toEqual(AWAY);
    expect(await keys.ask(D2, true)).toEqual(AWAY);
    expect(source.questions).toHaveLength(1);
  });

  it('is asked now and then by requests that do not wait, and its late answer is remembered', async () => {
    const { keys, source, pass, answeredAfter } = scene();
    await answeredAfter(0);
    void keys.ask(D1, true);
    await pass(600);
    expect(await keys.ask(D2, true)).toEqual(AWAY);
    expect(await keys.ask(D3, true)).toEqual(AWAY);
    expect(source.questions.map(({ digest }) => digest)).toEqual([D1, D2]);
    source.last.answer(recordOf(), 0);
    await turn();
    expect(keys.cached(D2, true)).toMatchObject({ kind: 'found' });
    const next = keys.ask(D3, true);
    await turn();
    source.last.answer(RECORD, 0);
    expect(await next).toMatchObject({ kind: 'found' });
  });

  it.each([
    ['answers slowly as a rule', 300],
    ['has not answered yet', null],
  ])('is waited for longer where it %s', async (_, tookMs) => {
    const { keys, source, pass, answeredAfter } = scene();
    if (tookMs !== null) await answeredAfter(tookMs);
    const asked = keys.ask(D1, true);
    await pass(900);
    source.last.answer(RECORD, 0);
    expect(await asked).toMatchObject({ kind: 'found' });
    const silent = keys.ask(D2, true);
    await pass(960);
    expect(await silent).toEqual(AWAY);
  });

  it('is none while it answers others', async () => {
    const { keys, source, pass, answeredAfter } = scene();
    await answeredAfter(0);
    const slow = keys.ask(D1, true);
    for (const digest of [D2, D3]) {
      await pass(200);
      const quick = keys.ask(digest, true);
      await turn();
      source.last.answer(RECORD, 0);
      expect(await quick).toMatchObject({ kind: 'found' });
    }
    await pass(200);
    source.questions[0]?.answer(RECORD, 0);
    expect(await slow).toMatchObject({ kind: 'found' });
  });

  it('is none where it fails at once', async () => {
    const { keys, source } = scene();
    for (const digest of [D1, D2, D3]) {
      const asked = keys.ask(digest, true);
      await turn();
      source.last.fail(new KeyServiceError(500, 'answered 500'));
      expect(await asked).toEqual({ kind: 'unavailable', detail: 'the key service answered 500' });
    }
    expect(source.questions).toHaveLength(3);
  });
});
