import { randomUUID } from 'node:crypto';
import type { ChangeListener } from '../../core/wire.ts';
import type { Members } from './members.ts';

/** A member in this process that hands every change on to a listener and acknowledges it after that. */
export function listen(members: Members, everyMs: number, listener: ChangeListener): () => void {
  const id = randomUUID();
  const ended = new AbortController();
  let [epoch, applied] = [null as string | null, 0];
  let running: Promise<void> | null = null;
  let again = false;

  const renew = async (leaving: boolean): Promise<void> => {
    do {
      again = false;
      const renewal = { epoch, applied, staleIfErrorMs: 0, leaving };
      const grant = await members.renew(id, renewal, new AbortController().signal);
      if (leaving) return;
      for (const change of grant.changes) {
        listener(change);
        applied = change.number;
      }
      again ||= grant.changes.length > 0;
      if (grant.changes.length === 0) applied = grant.head;
      epoch = grant.epoch;
    } while (again && !ended.signal.aborted);
  };
  const wake = (): void => {
    again = true;
    running ??= renew(false)
      .catch(() => undefined)
      .finally(() => {
        running = null;
      });
  };
  wake();
  const endNews = members.news(wake);
  const timer = setInterval(wake, everyMs);
  timer.unref();
  return () => {
    ended.abort();
    clearInterval(timer);
    endNews();
    void (running ?? Promise.resolve()).then(() => renew(true)).catch(() => undefined);
  };
}
