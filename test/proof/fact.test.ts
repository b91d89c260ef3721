import { describe, expect, it } from 'vitest';
import { Fact } from '../../proof/revocation/history/fact.ts';

describe('a fact that changes', () => {
  it('is what it was to who ends before the change is asked for', () => {
    const fact = new Fact('old');
    fact.change('new', 100);
    expect(fact.possible(10, 99)).toEqual(['old']);
  });

  it('may be either while the change is under way, however long that takes', () => {
    const fact = new Fact('old');
    fact.change('new', 100);
    expect(fact.possible(10, 100)).toEqual(['old', 'new']);
    expect(fact.possible(1e9, 1e9)).toEqual(['old', 'new']);
  });

  it('is the new one to who begins when it has settled', () => {
    const fact = new Fact('old');
    fact.change('new', 100).settle(200);
    expect(fact.possible(199, 500)).toEqual(['old', 'new']);
    expect(fact.possible(200, 500)).toEqual(['new']);
  });

  it('settles at the earliest of several instants', () => {
    const fact = new Fact('old');
    const pending = fact.change('new', 100);
    pending.settle(300);
    pending.settle(200);
    pending.settle(400);
    expect(fact.possible(200, 200)).toEqual(['new']);
  });

  it('turns out to be what is known only later', () => {
    const fact = new Fact<number | null>(null);
    const pending = fact.change(0, 100);
    expect(fact.possible(100, 100)).toEqual([null, 0]);
    pending.become(7);
    expect(fact.possible(100, 100)).toEqual([null, 7]);
    expect(fact.latest).toBe(7);
  });

  it('may be any of several changes that have not settled', () => {
    const fact = new Fact(1);
    fact.change(2, 100);
    fact.change(3, 200);
    expect(fact.possible(150, 160)).toEqual([1, 2]);
    expect(fact.possible(150, 200)).toEqual([1, 2, 3]);
  });

  it('is past all that came before a change that has settled', () => {
    const fact = new Fact(1);
    fact.change(2, 100);
    fact.change(3, 200).settle(250);
    expect(fact.possible(250, 300)).toEqual([3]);
  });

  it('forgets what no request under way can have seen, and nothing else', () => {
    const fact = new Fact(0);
    fact.change(1, 1000).settle(1000);
    fact.change(2, 100_000).settle(100_000);
    expect(fact.possible(50_000, 50_000)).toEqual([1]);
    expect(fact.possible(99_999, 100_001)).toEqual([1, 2]);
  });
});
