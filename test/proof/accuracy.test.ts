import { expect, it } from 'vitest';
import { PATIENCE_MS, runQuick } from './run-quick.ts';

it(
  'no window of any limit is exceeded by real gates under load and faults, in the small size',
  async () => {
    const { code, said } = await runQuick('proof/accuracy/accuracy.ts');
    expect(code, said).toBe(0);
  },
  PATIENCE_MS,
);
