import { describe, expect, it } from 'vitest';
import { Owners } from '../../src/proxy/keys/owners.ts';
import { recordOf } from '../support/key-record.ts';

describe('owners of keys', () => {
  it('are one object for all keys whose records say the same of them', () => {
    const owners = new Owners();
    const [first, second] = [recordOf({ keyId: 'k1' }), recordOf({ keyId: 'k2' })].map((key) =>
      owners.shared(structuredClone(key)),
    );
    expect(second?.owner).toBe(first?.owner);
    expect(second).toEqual(recordOf({ keyId: 'k2' }));
  });

  it('are another object as soon as a record says anything else of them, also of a key known before', () => {
    const owners = new Owners();
    const before = owners.shared(recordOf({ owner: { tier: 'basic' } }));
    const after = owners.shared(recordOf({ owner: { tier: 'pro' } }));
    expect([before?.owner.tier, after?.owner.tier]).toEqual(['basic', 'pro']);
    expect(owners.shared(recordOf({ owner: { tier: 'pro' } }))?.owner).toBe(after?.owner);
  });

  it('are known up to 10,000, from where on the oldest gives way', () => {
    const owners = new Owners();
    const ofOwner = (id: string) => owners.shared(structuredClone(recordOf({ owner: { id } })))?.owner;
    const [first, second] = [ofOwner('first'), ofOwner('second')];
    for (let i = 0; i < 9999; i++) ofOwner(`${i}`);
    expect(ofOwner('second')).toBe(second);
    expect(ofOwner('first')).not.toBe(first);
  });

  it('are nobody of a key that nobody has', () => {
    expect(new Owners().shared(null)).toBeNull();
  });
});
