import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeClock } from '../support/fake-clock.ts';
import { HeldRenewals, memberOf as stageOf, pass as passOn } from './member-stage.ts';

let clock: FakeClock;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  clock = new FakeClock();
});
afterEach(() => {
  vi.useRealTimers();
});

const pass = (ms: number): Promise<void> => passOn(clock, ms);
const memberOf = (renewals: HeldRenewals, read?: Parameters<typeof stageOf>[2]) =>
  stageOf(clock, renewals, read);

describe('a member', () => {
  it('renews every quarter of the fence, and says what it has applied and how long it may go on', async () => {
    const renewals = new HeldRenewals();
    const { member } = memberOf(renewals);
    await member.start();
    await pass(2000);
    // At the start, and once more to acknowledge the epoch it was told.
    expect(renewals.calls).toHaveLength(2 + 4);
    expect(renewals.calls.map(({ renewal }) => renewal.epoch)).toEqual([
      null,
      ...Array<string>(5).fill('e1'),
    ]);
    expect(renewals.last.renewal).toEqual({
      epoch: 'e1',
      applied: 0,
      staleIfErrorMs: 60_000,
      leaving: false,
    });
  });

  it('renews at once on news, and acknowledges right away what it was told', async () => {
    const renewals = new HeldRenewals();
    const { member, tell, told } = memberOf(renewals);
    await member.start();
    await pass(20);
    const before = renewals.calls.length;
    renewals.change();
    tell();
    await pass(20);
    const [asked, acknowledged, ...more] = renewals.calls.slice(before).map(({ renewal }) => renewal.applied);
    expect([asked, acknowledged, more]).toEqual([0, 1, []]);
    expect(told).toContain('applied 1');
  });

  it('renews once more for news that came while a renewal was under way, however many', async () => {
    const renewals = new HeldRenewals();
    const { member, tell } = memberOf(renewals);
    await member.start();
    await pass(20);
    renewals.atOnce = null;
    const before = renewals.calls.length;
    for (let i = 0; i < 5; i++) tell();
    expect(renewals.calls).toHaveLength(before + 1);
    await renewals.last.answer({});
    expect(renewals.calls).toHaveLength(before + 2);
    await renewals.last.answer({});
    expect(renewals.calls).toHaveLength(before + 2);
  });

  it('asks again at once while there is more to be told', async () => {
    const renewals = new HeldRenewals();
    for (let i = 0; i < 7; i++) renewals.change();
    renewals.atOnce = null;
    const { member, knowledge } = memberOf(renewals);
    const started = member.start();
    for (const upTo of [3, 6]) {
      const { applied } = renewals.last.renewal;
      await renewals.last.answer({ changes: renewals.changes.slice(applied, upTo) });
      expect(knowledge.renewalAgeMs).toBe(Infinity);
      expect(renewals.last.renewal.applied).toBe(upTo);
    }
    await renewals.last.answer({});
    await started;
    expect(knowledge).toMatchObject({ applied: 7, renewalAgeMs: 0 });
  });

  it('gives a call up after half the fence, and takes no notice of what comes then', async () => {
    const renewals = new HeldRenewals();
    const { member, knowledge, told } = memberOf(renewals);
    await member.start();
    await pass(20);
    renewals.atOnce = null;
    await pass(500);
    const { last } = renewals;
    await pass(1000);
    expect([last.signal.aborted, told.includes('error')]).toEqual([true, true]);
    const { renewalAgeMs } = knowledge;
    await last.answer({});
    expect(knowledge.renewalAgeMs).toBe(renewalAgeMs);
    expect(renewals.last).not.toBe(last);
  });

  it('does not take a key service for one that tells where it tells nothing new', async () => {
    const renewals = new HeldRenewals();
    for (let i = 0; i < 4; i++) renewals.change();
    renewals.atOnce = null;
    const { member, told } = memberOf(renewals);
    const started = member.start();
    await renewals.last.answer({ changes: renewals.changes.slice(0, 2) });
    await renewals.last.answer({ changes: renewals.changes.slice(0, 2) });
    await started;
    expect(told).toContain('error');
  });

  it('leaves when it stops, and renews no more', async () => {
    const renewals = new HeldRenewals();
    const { member, tell } = memberOf(renewals);
    await member.start();
    await pass(20);
    await member.stop();
    expect(renewals.last.renewal.leaving).toBe(true);
    const { length } = renewals.calls;
    tell();
    await pass(5000);
    expect(renewals.calls).toHaveLength(length);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('stops in time though the key service does not answer', async () => {
    const renewals = new HeldRenewals();
    const { member } = memberOf(renewals);
    await member.start();
    await pass(20);
    renewals.atOnce = null;
    await pass(500);
    let stopped = false;
    const stop = async (): Promise<void> => {
      await member.stop();
      stopped = true;
    };
    void stop();
    await pass(1010);
    expect(stopped).toBe(true);
  });
});
