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

  it('are nobody of a key that nobody has', () => {
    expect(new Owners().shared(null)).toBeNull();
  });
});
