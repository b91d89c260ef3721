/**
 * The answer to a question that has so many milliseconds. Rejects at the deadline whatever the asked one makes of its
 * signal: nobody must wait for ever. `end` ends the wait before.
 */
export async function answerWithin<T>(
  ms: number,
  ask: (signal: AbortSignal) => Promise<T>,
  end?: AbortSignal,
): Promise<T> {
  const stop = new AbortController();
  const over = Promise.withResolvers<never>();
  const giveUp = (reason: DOMException): void => {
    stop.abort(reason);
    over.reject(reason);
  };
  const onEnd = (): void => giveUp(new DOMException('nobody waits any longer', 'AbortError'));
  const timer = setTimeout(() => giveUp(new DOMException('no answer in time', 'TimeoutError')), ms);
  end?.addEventListener('abort', onEnd);
  try {
    return await Promise.race([ask(stop.signal), over.promise]);
  } finally {
    clearTimeout(timer);
    end?.removeEventListener('abort', onEnd);
  }
}
