import { expect } from 'vitest';

/** Keeps asking while `work` goes on, and answers what else than 200 came. */
export async function whileOthersAsk(
  ask: () => Promise<{ readonly status: number }>,
  work: () => Promise<void>,
): Promise<(number | string)[]> {
  const wrong: (number | string)[] = [];
  let asked = 0;
  const over = new AbortController();
  const asking = Array.from({ length: 4 }, async () => {
    while (!over.signal.aborted) {
      const status = await ask().then(
        (answer) => answer.status,
        (error: unknown) => String(error),
      );
      asked += 1;
      if (status !== 200) wrong.push(status);
    }
  });
  try {
    await work();
  } finally {
    over.abort();
    await Promise.all(asking);
  }
  expect(asked).toBeGreaterThan(0);
  return wrong;
}
