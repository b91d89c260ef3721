import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { Problem } from '../key-service/console/wire.ts';
import { ask } from './api/ask.ts';
import { useStanding } from './api/session.tsx';
import { Button } from './parts/button.tsx';
import { Dialog } from './parts/dialog.tsx';
import { Instant } from './parts/instant.tsx';
import { ProblemNotice } from './parts/problem.tsx';

/** Who is signed in, until when, and the ways out. */
export function Account(props: { readonly onClose: () => void; readonly onLeft: () => void }): JSX.Element {
  const { session, about } = useStanding();
  const [problem, setProblem] = useState<Problem | null>(null);
  const leave = async (
    name: 'DELETE /console/api/session' | 'DELETE /console/api/sessions',
  ): Promise<void> => {
    const reply = await ask(name, { body: {} });
    setProblem(reply.ok ? null : reply.problem);
    if (reply.ok) props.onLeft();
  };
  return (
    <Dialog title="Account" onClose={props.onClose}>
      <dl class="facts">
        <dt>Email</dt>
        <dd>{session.operator.email}</dd>
        <dt>Role</dt>
        <dd>{session.operator.role}</dd>
        <dt>Session ends</dt>
        <dd>
          <Instant at={session.ends_at} />, or after {Math.round(about.session.idle_ms / 60_000)} minutes
          without a click
        </dd>
        <dt>Key service</dt>
        <dd>
          {about.version}, <a href={`${import.meta.env.BASE_URL}licenses.txt`}>licences of this page</a>
        </dd>
      </dl>
      <ProblemNotice problem={problem} />
      <div class="row end">
        <Button onPress={() => void leave('DELETE /console/api/sessions')}>Sign out everywhere</Button>
        <Button tone="first" onPress={() => void leave('DELETE /console/api/session')}>
          Sign out
        </Button>
      </div>
    </Dialog>
  );
}
