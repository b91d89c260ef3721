import type { ComponentChildren, JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { Problem } from '../../key-service/console/wire.ts';
import type { Reply } from '../api/ask.ts';

/** One call that somebody makes by hand, and what stands between pressing the button and its end. */
export interface Sending {
  readonly busy: boolean;
  /** Of the last try. */
  readonly problem: Problem | null;
  readonly send: () => Promise<void>;
}

/** `done` is called with the answer, and not where the call was refused. */
export function useSending<Answer>(
  call: () => Promise<Reply<Answer>>,
  done: (answer: Answer) => void,
): Sending {
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  return {
    busy,
    problem,
    async send() {
      setBusy(true);
      const reply = await call();
      setBusy(false);
      setProblem(reply.ok ? null : reply.problem);
      if (reply.ok) done(reply.answer);
    },
  };
}

/** A form that is sent by its button or by Enter, and leads nowhere. */
export function Form({
  sending,
  children,
}: {
  readonly sending: Sending;
  readonly children: ComponentChildren;
}): JSX.Element {
  return (
    <form
      class="stack"
      onSubmit={(event) => {
        event.preventDefault();
        void sending.send();
      }}
    >
      {children}
    </form>
  );
}
