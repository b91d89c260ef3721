import { describe, expect, it } from 'vitest';
import { digestOf } from '../../src/core/secret.ts';
import { Knowledge, type Answer, type Judgement } from '../../src/proxy/keys/knowledge.ts';
import { momentOf } from '../../src/proxy/keys/moment.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { recordOf } from '../support/key-record.ts';
import { FENCE_MS, Renewed } from '../support/renewed.ts';

const D1 = digestOf('one');
const STALE_MS = 60_000;

/** Knowledge that was renewed just now, and answers asked for at any time. */
function knowing(options: { fenceMs?: number; staleIfErrorMs?: number } = {}) {
  const clock = new FakeClock();
  const renewed = new Renewed({ clock, staleIfErrorMs: STALE_MS, ...options });
  const { knowledge } = renewed;
  const answer = (fields: Partial<Answer> = {}): Answer => ({
    digest: D1,
    record: recordOf(),
    asOf: renewed.head,
    generation: knowledge.generation,
    askedAt: momentOf(clock),
    firstHand: true,
    currentAt: -1,
    ...fields,
  });
  const reading = (run = 'run1', head?: { epoch: string; number: number } | null) => ({
    run,
    head: head === undefined ? { epoch: renewed.epoch, number: renewed.head } : head,
  });
  const witness = (...read: Parameters<typeof reading>): boolean =>
    knowledge.hear(reading(...read), momentOf(clock));
  return { clock, renewed, knowledge, answer, witness };
}

describe('an answer', () => {
  it('is certain until the fence has passed since the latest renewal, whoever gave it', () => {
    const { clock, knowledge, answer } = knowing();
    const answers = [answer(), answer({ firstHand: false })];
    clock.advance(FENCE_MS - 1);
    for (const one of answers) expect(knowledge.judge(one, true)).toBe('certain');
    clock.advance(1);
    for (const one of answers) expect(knowledge.judge(one, true)).toBe('unconfirmed');
  });

  it('of the key service itself is certain until the fence has passed since its own question', () => {
    const { clock, knowledge, answer } = knowing();
    clock.advance(FENCE_MS);
    const [own, shared] = [answer(), answer({ firstHand: false })];
    clock.advance(FENCE_MS - 1);
    expect(knowledge.judge(own, false)).toBe('certain');
    expect(knowledge.judge(shared, false)).toBe('unconfirmed');
    clock.advance(1);
    expect(knowledge.judge(own, false)).toBe('unconfirmed');
  });

  it('of the key service is nothing to a gate that it does not wait for any more, or not yet', () => {
    const { clock, knowledge, answer } = knowing();
    clock.advance(STALE_MS + FENCE_MS);
    expect(knowledge.judge(answer(), true)).toBe('unconfirmed');
    const stranger = new Knowledge({ clock, fenceMs: FENCE_MS, staleIfErrorMs: STALE_MS });
    expect(stranger.judge(answer({ generation: stranger.generation }), true)).toBe('unconfirmed');
  });

  it('is out of date by a newer one that calls the key revoked, though no renewal has told of it', () => {
    const { knowledge, answer } = knowing();
    const [before, other] = [
      answer(),
      answer({ digest: digestOf('two'), record: recordOf({ keyId: 'key-2' }) }),
    ];
    const after = answer({ asOf: before.asOf + 1, record: recordOf({ revokedAt: 1 }) });
    knowledge.hearOf(answer({ asOf: before.asOf + 1 }));
    expect(knowledge.judge(before, true)).toBe('certain');
    knowledge.hearOf(after);
    expect([before, after, other].map((one) => knowledge.judge(one, true))).toEqual([
      'outdated',
      'certain',
      'certain',
    ]);
  });

  it('is out of date by a change after it that touches its key, owner or digest, and by no other', () => {
    const cases: [object, Judgement][] = [
      [{ keyId: 'key-1' }, 'outdated'],
      [{ ownerId: 'owner-1' }, 'outdated'],
      [{ digest: D1 }, 'outdated'],
      [{ keyId: 'owner-1', ownerId: 'key-1', digest: digestOf('two') }, 'certain'],
    ];
    for (const [change, judged] of cases) {
      const { renewed, knowledge, answer } = knowing();
      const before = answer();
      expect(knowledge.judge(before, true)).toBe('certain');
      renewed.renew(change);
      expect(knowledge.judge(before, true)).toBe(judged);
      expect(knowledge.judge(answer(), true)).toBe('certain');
    }
  });

  it('that was out of date once stays so, whatever is renewed', () => {
    const { renewed, knowledge, answer } = knowing();
    const before = answer();
    renewed.renew({ keyId: 'key-1' });
    for (let i = 0; i < 3; i++) {
      expect(knowledge.judge(before, true)).toBe('outdated');
      renewed.renew({ keyId: `other ${i}` });
    }
  });

  it('of another epoch is out of date, though its number says otherwise', () => {
    const { renewed, knowledge, answer } = knowing();
    renewed.renew({ keyId: 'a' }, { keyId: 'b' });
    const before = answer();
    renewed.renewEpoch('e2', 1);
    expect(knowledge.judge(before, true)).toBe('outdated');
    expect(knowledge.judge(answer({ asOf: 1 }), true)).toBe('certain');
  });
});

describe('both clocks count', () => {
  it.each([
    ['a wall clock set back makes nothing younger', -3_600_000],
    ['one set forward makes it older', FENCE_MS],
  ])('%s', (_, stepMs) => {
    const { clock, knowledge, answer } = knowing();
    const one = answer();
    clock.advance(FENCE_MS - 1);
    clock.stepWall(stepMs);
    clock.advance(1);
    expect(knowledge.judge(one, true)).toBe('unconfirmed');
  });
});

describe('with the key service away', () => {
  it('a witness that says nothing has changed confirms for a fence, and within staleIfError', () => {
    const { clock, knowledge, answer, witness } = knowing();
    const one = answer({ firstHand: false });
    clock.advance(FENCE_MS);
    expect(witness()).toBe(true);
    expect(knowledge.judge(one, true)).toBe('confirmed');
    clock.advance(FENCE_MS - 1);
    expect(knowledge.judge(one, true)).toBe('confirmed');
    clock.advance(1);
    expect(knowledge.judge(one, true)).toBe('unconfirmed');
    clock.advance(STALE_MS - 2 * FENCE_MS - 1);
    witness();
    expect(knowledge.judge(one, true)).toBe('confirmed');
    clock.advance(1);
    witness();
    expect(knowledge.judge(one, true)).toBe('unconfirmed');
  });

  it('it confirms nothing where the route allows no staleness', () => {
    const { clock, knowledge, answer, witness } = knowing();
    const one = answer({ firstHand: false });
    clock.advance(FENCE_MS);
    witness();
    expect(knowledge.judge(one, false)).toBe('unconfirmed');
    expect(knowledge.allows(one, false)).toBe(false);
    expect(knowledge.allows(one, true)).toBe(true);
  });

  it.each<[string, string, { epoch: string; number: number } | null]>([
    ['that another process of Redis says so', 'run2', { epoch: 'e1', number: 1 }],
    ['a newer change', 'run1', { epoch: 'e1', number: 2 }],
    ['another epoch', 'run1', { epoch: 'e2', number: 1 }],
    ['nothing, or what is forged', 'run1', null],
  ])('it is no witness when it tells of %s', (_, run, head) => {
    const { clock, renewed, knowledge, answer, witness } = knowing();
    renewed.renew({ keyId: 'other' });
    const one = answer({ firstHand: false });
    clock.advance(FENCE_MS);
    expect(witness('run1', { epoch: 'e1', number: 1 })).toBe(true);
    expect(witness(run, head)).toBe(false);
    expect(knowledge.judge(one, true)).toBe('unconfirmed');
  });

  it('a head below what is known here has been told late, and confirms as well', () => {
    const { clock, renewed, knowledge, answer, witness } = knowing();
    renewed.renew({ keyId: 'other' });
    const one = answer({ firstHand: false });
    clock.advance(FENCE_MS);
    witness('run1', { epoch: 'e1', number: 0 });
    expect(knowledge.judge(one, true)).toBe('confirmed');
  });
});
