import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { StopStack } from '../../src/runtime/lifecycle.ts';

describe('what was started', () => {
  it('is stopped in reverse order, each when the one before it has ended', async () => {
    const stops = new StopStack();
    const told: string[] = [];
    for (const name of ['store', 'key service', 'gate']) {
      stops.push(name, async () => {
        told.push(`${name} stops`);
        await sleep(5);
        told.push(`${name} has stopped`);
      });
    }
    expect(await stops.stop()).toEqual([]);
    expect(told).toEqual(
      ['gate', 'key service', 'store'].flatMap((name) => [`${name} stops`, `${name} has stopped`]),
    );
  });

  it('is stopped although something else fails to, and the failures are told by name', async () => {
    const stops = new StopStack();
    const told: string[] = [];
    stops.push('first', () => void told.push('first'));
    stops.push('throws', () => {
      throw new Error('at once');
    });
    stops.push('rejects', () => Promise.reject(new TypeError('later')));
    stops.push('odd', () => Promise.reject({ no: 'error' }));
    stops.push('last', () => void told.push('last'));
    expect(await stops.stop()).toEqual(['odd: unknown error', 'rejects: later', 'throws: at once']);
    expect(told).toEqual(['last', 'first']);
  });

  it('is stopped once, however often that is asked', async () => {
    const stops = new StopStack();
    let times = 0;
    stops.push('once', () => void times++);
    await stops.stop();
    expect(await stops.stop()).toEqual([]);
    expect(times).toBe(1);
  });

  it('while the rest stops is stopped as well', async () => {
    const stops = new StopStack();
    const told: string[] = [];
    stops.push('first', () => void told.push('first'));
    stops.push('second', () => stops.push('late', () => void told.push('late')));
    await stops.stop();
    expect(told).toEqual(['late', 'first']);
  });
});
