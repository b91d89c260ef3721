import { expect, it } from 'vitest';
import { PATIENCE_MS, runQuick } from './run-quick.ts';

it(
  'gates answer as declared while what they need is killed, unreachable, stalled or lying, in the small size',
  async () => {
    const { code, said } = await runQuick('proof/faults/main.ts');
    expect(code, said).toBe(0);
  },
  PATIENCE_MS,
);
