import { setTimeout as pause } from 'node:timers/promises';

const LOOK_EVERY_MS = 2;

/** Waits until it holds; rejects where that takes longer than any machine is slow. */
export async function comes(what: string, holds: () => boolean, patienceMs = 60_000): Promise<void> {
  const end = performance.now() + patienceMs;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`${what}: not within ${patienceMs} ms`);
    await pause(LOOK_EVERY_MS);
  }
}
