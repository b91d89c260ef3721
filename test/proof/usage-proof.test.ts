import { expect, it } from 'vitest';
import { PATIENCE_MS, runQuick } from './run-quick.ts';

it(
  "usage is the upstream's own count while everything is restarted, in the small size",
  async () => {
    const { code, said } = await runQuick('proof/usage/main.ts');
    expect(code, said).toBe(0);
  },
  PATIENCE_MS,
);
