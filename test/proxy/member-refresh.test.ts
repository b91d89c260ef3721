import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Reading } from '../../src/proxy/keys/knowledge.ts';
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

describe('who finds that what is known is too old', () => {
  it('has it renewed, once for all of them', async () => {
    const renewals = new HeldRenewals();
    const { member, knowledge } = memberOf(renewals);
    await member.start();
    await pass(20);
    const before = renewals.calls.length;
    clock.advance(10_000);
    await Promise.all(Array.from({ length: 100 }, () => member.refresh()));
    expect(renewals.calls).toHaveLength(before + 1);
    expect(knowledge.renewalAgeMs).toBe(0);
  });

  it('waits for another renewal where the one under way was sent before the pause', async () => {
    const renewals = new HeldRenewals();
    const { member, knowledge } = memberOf(renewals);
    await member.start();
    await pass(20);
    renewals.atOnce = null;
    await pass(490);
    const [sent, { length }] = [renewals.last, renewals.calls];
    clock.advance(10_000);
    const refreshed = member.refresh();
    await sent.answer({});
    expect(renewals.calls).toHaveLength(length + 1);
    await renewals.last.answer({});
    await refreshed;
    expect(knowledge.renewalAgeMs).toBe(0);
  });

  it('does not wait where a renewal has just failed', async () => {
    const renewals = new HeldRenewals();
    const { member } = memberOf(renewals);
    await member.start();
    await pass(20);
    renewals.atOnce = 'fail';
    await pass(2500);
    renewals.atOnce = null;
    await member.refresh();
  });

  it('waits for the witness of a renewal that has failed already', async () => {
    const renewals = new HeldRenewals();
    const asked = Promise.withResolvers<Reading>();
    const { member, knowledge } = memberOf(renewals, () => asked.promise);
    await member.start();
    await pass(20);
    renewals.atOnce = 'fail';
    clock.advance(10_000);
    void member.refresh();
    await pass(10);
    const ages: number[] = [];
    const second = member.refresh().then(() => ages.push(knowledge.confirmationAgeMs));
    await pass(50);
    expect(ages).toEqual([]);
    asked.resolve({ run: 'run1', head: { epoch: 'e1', number: 0 } });
    await second;
    expect(ages[0]).toBeLessThan(100);
  });

  it('has the word of the witness when no renewal came', async () => {
    const renewals = new HeldRenewals();
    const reading = { run: 'run1', head: { epoch: 'e1', number: 0 } };
    const { member, knowledge } = memberOf(renewals, () => Promise.resolve(reading));
    await member.start();
    await pass(20);
    renewals.atOnce = 'fail';
    clock.advance(10_000);
    expect(knowledge.confirmationAgeMs).toBe(Infinity);
    await member.refresh();
    expect(knowledge.confirmationAgeMs).toBe(0);
  });
});

describe('the witness', () => {
  it('is asked while renewals fail, every quarter of the fence, and not before half of it', async () => {
    const renewals = new HeldRenewals();
    const reading = { run: 'run1', head: { epoch: 'e1', number: 0 } };
    let fails = false;
    const { member, told } = memberOf(renewals, () =>
      fails ? Promise.reject(new Error('away')) : Promise.resolve(reading),
    );
    await member.start();
    await pass(4000);
    expect(told.filter((what) => what.startsWith('witness'))).toEqual([]);
    renewals.atOnce = null;
    await pass(1000);
    told.length = 0;
    await pass(2000);
    expect(told.filter((what) => what === 'witness confirmed').length).toBeGreaterThanOrEqual(4);
    fails = true;
    told.length = 0;
    await pass(1000);
    expect(told).toContain('witness error');
  });
});

describe('a key service that offers no renewals', () => {
  it('is asked again every minute', async () => {
    const renewals = new HeldRenewals();
    renewals.atOnce = 'null';
    const { member, knowledge } = memberOf(renewals);
    await member.start();
    expect(knowledge.alone).toBe(true);
    await pass(59_000);
    expect(renewals.calls).toHaveLength(1);
    await pass(1000);
    expect(renewals.calls).toHaveLength(2);
    await member.stop();
    expect(renewals.calls.every(({ renewal }) => !renewal.leaving)).toBe(true);
  });

  it('once it has, does not answer any more, whatever else it says', async () => {
    const renewals = new HeldRenewals();
    const { member, knowledge, told } = memberOf(renewals);
    await member.start();
    await pass(20);
    renewals.atOnce = 'null';
    await pass(500);
    expect([knowledge.alone, told.includes('error')]).toEqual([false, true]);
  });
});
