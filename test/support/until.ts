import { setTimeout as sleep } from 'node:timers/promises';

const PATIENCE_MS = 30_000;

/** Asks until it holds; an error counts as no. The time that took, in milliseconds. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<number> {
  const startedAt = performance.now();
  for (;;) {
    const held = await Promise.resolve()
      .then(holds)
      .catch(() => false);
    const tookMs = performance.now() - startedAt;
    if (held) return tookMs;
    if (tookMs > PATIENCE_MS) throw new Error(`${what}: not within ${PATIENCE_MS} ms`);
    await sleep(10);
  }
}
