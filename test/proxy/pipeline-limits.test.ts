import { describe, expect, it } from 'vitest';
import { stated } from '../support/key-record.ts';
import { PipelineGate } from './pipeline-gate.ts';

describe('concurrency limits', () => {
  it('of owner and key hold together until a request is over, and a refusal is none of the rate limits', async () => {
    const gate = new PipelineGate();
    const key = gate.add({
      limits: stated('1 concurrent', '9/minute'),
      owner: { limits: stated('2 concurrent') },
    });
    const other = gate.add({ keyId: 'key-2', owner: { limits: stated('2 concurrent') } });
    const first = await gate.use(key);
    expect(first).toMatchObject({ kind: 'permit', limits: [{ remaining: 8 }] });
    const refused = { kind: 'denial', reason: 'concurrency_limited', retryAfterMs: 1000, limits: [] };
    expect(await gate.use(key)).toMatchObject(refused);
    const second = await gate.use(other);
    expect(await gate.use(other)).toMatchObject(refused);
    for (const decision of [first, second]) if (decision.kind === 'permit') decision.slot.release();
    expect(await gate.use(key)).toMatchObject({ kind: 'permit', limits: [{ remaining: 7 }] });
    expect(gate.limited.map((told) => told.split(' ')[1])).toEqual([
      'allow',
      'limit',
      'allow',
      'limit',
      'allow',
    ]);
  });

  it('are not touched by a request that a rate limit refuses, and spend nothing where they refuse', async () => {
    const gate = new PipelineGate();
    const key = gate.add({ limits: stated('2 concurrent', '1/minute') });
    expect((await gate.use(key)).kind).toBe('permit');
    for (let i = 0; i < 5; i++) expect(await gate.use(key)).toMatchObject({ reason: 'rate_limited' });
    gate.clock.advance(60_000);
    expect((await gate.use(key)).kind).toBe('permit');
    gate.clock.advance(60_000);
    expect(await gate.use(key)).toMatchObject({ reason: 'concurrency_limited' });
  });

  it('do not count what is refused for its permission, or goes to an open route', async () => {
    const gate = new PipelineGate();
    const key = gate.add({ permission: 'read_only', limits: stated('1 concurrent') });
    for (let i = 0; i < 3; i++)
      expect(await gate.use(key, { method: 'POST' })).toMatchObject({ kind: 'denial' });
    expect(gate.slots.size).toBe(0);
  });
});

describe('shadow limits', () => {
  it('are counted as if they held, show in no answer, and refuse nobody', async () => {
    const gate = new PipelineGate();
    const key = gate.add({ limits: stated('shadow 2/minute', '3/minute') });
    for (let i = 0; i < 3; i++) {
      expect(await gate.use(key)).toMatchObject({ kind: 'permit', limits: [{}, { remaining: 2 - i }] });
    }
    expect(await gate.use(key)).toMatchObject({ reason: 'rate_limited' });
    await settled();
    expect(
      gate.limited.map((told) => told.split(' ')[1]).filter((result) => result === 'shadow'),
    ).toHaveLength(1);
  });

  it('of concurrency free what they counted when the request is over', async () => {
    const gate = new PipelineGate();
    const key = gate.add({ owner: { tier: 'enterprise' }, limits: stated('shadow 1 concurrent') });
    const shadows = (): number => gate.limited.filter((told) => told.endsWith('shadow')).length;
    const [first, second] = [await gate.use(key), await gate.use(key)];
    await settled();
    expect(shadows()).toBe(1);
    for (const decision of [first, second]) if (decision.kind === 'permit') decision.slot.release();
    expect(gate.slots.size).toBe(0);
    await gate.use(key);
    await settled();
    expect(shadows()).toBe(1);
  });
});

function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe('what is at hand is not waited for', () => {
  it('a key in memory within its limits is decided on at once, also where it is refused', async () => {
    const gate = new PipelineGate();
    const key = gate.add({ limits: stated('2/minute') });
    const asked = { headers: ['x-api-key', key] };
    expect(gate.begin(asked)).toBeInstanceOf(Promise);
    await gate.use(key);
    const [spent, refused] = [gate.begin(asked), gate.begin(asked)];
    expect([spent, refused].map((decision) => decision instanceof Promise)).toEqual([false, false]);
    expect(await refused).toMatchObject({ kind: 'denial', reason: 'rate_limited' });
  });
});
