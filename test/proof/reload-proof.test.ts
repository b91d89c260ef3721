import { expect, it } from 'vitest';
import { PATIENCE_MS, runQuick } from './run-quick.ts';

it(
  'changed configurations and rolling restarts under load lose no request, in the small size',
  async () => {
    const { code, said } = await runQuick('proof/reload/main.ts');
    expect(code, said).toBe(0);
  },
  PATIENCE_MS,
);
