import { expect, it } from 'vitest';
import { soak } from '../../proof/soak/soak.ts';

it(
  'a minute of abuse in every way costs no valid request and leaves nothing in the gate',
  { timeout: 200_000 },
  async () => {
    const { abuses, failed, left, valid } = await soak(60, 1);
    expect({ failed, left }).toEqual({ failed: [], left: 0 });
    expect(valid).toBeGreaterThan(0);
    expect(Object.values(abuses).every((count) => count > 0)).toBe(true);
  },
);
