import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import type { Problem } from '../../key-service/console/wire.ts';
import type { Reply } from './ask.ts';

export interface Live<Answer> {
  /** The latest there was; it stays while a newer one cannot be had. Null: nothing has arrived yet. */
  readonly answer: Answer | null;
  /** Why the latest question failed; null where it did not. */
  readonly problem: Problem | null;
  /** Asks again, by hand. */
  readonly refresh: () => void;
}

interface Terms {
  readonly background: boolean;
  readonly signal: AbortSignal;
}

/**
 * Asks now, whenever `about` changes, and again `everyMs` after each answer while the page is seen. An answer to an
 * older question is dropped; the one there is stays until the next, so that nothing jumps while somebody types.
 */
export function useLive<Answer>(
  load: (terms: Terms) => Promise<Reply<Answer>>,
  about: string,
  everyMs: number | null,
): Live<Answer> {
  const [answer, setAnswer] = useState<Answer | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [turn, setTurn] = useState(0);
  const latest = useRef(load);
  latest.current = load;
  useEffect(() => {
    const left = new AbortController();
    let timer = 0;
    const next = async (background: boolean): Promise<void> => {
      const reply = await latest.current({ background, signal: left.signal });
      if (left.signal.aborted) return;
      if (reply.ok) setAnswer(reply.answer);
      setProblem(reply.ok ? null : reply.problem);
      if (everyMs !== null) timer = window.setTimeout(again, everyMs);
    };
    const again = (): void => {
      if (document.hidden) timer = window.setTimeout(again, everyMs ?? 0);
      else void next(true);
    };
    void next(false);
    return () => {
      left.abort();
      window.clearTimeout(timer);
    };
  }, [about, turn, everyMs]);
  const refresh = useCallback(() => setTurn((turn) => turn + 1), []);
  return { answer, problem, refresh };
}
