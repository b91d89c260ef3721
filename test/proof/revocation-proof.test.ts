import { expect, it } from 'vitest';
import { PATIENCE_MS, runQuick } from './run-quick.ts';

it(
  'what is promised of revocation holds on real processes, in the small size',
  async () => {
    const { code, said } = await runQuick('proof/revocation/main.ts');
    expect(code, said).toBe(0);
  },
  PATIENCE_MS,
);
