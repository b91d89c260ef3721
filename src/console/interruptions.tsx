import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Session, SignedIn } from '../key-service/console/wire.ts';
import { ask, rememberToken, remedyBy } from './api/ask.ts';
import { CodeField, SignInForm } from './pages/sign-in-form.tsx';
import { Button } from './parts/button.tsx';
import { Dialog } from './parts/dialog.tsx';
import { TextField } from './parts/field.tsx';
import { Form, useSending } from './parts/form.tsx';
import { ProblemNotice } from './parts/problem.tsx';

interface Interruption {
  readonly kind: 'sign-in' | 'confirm';
  readonly done: (helped: boolean) => void;
}

interface InterruptionsProps {
  readonly session: Session;
  readonly onRenewed: (session: Session) => void;
  readonly onLeft: () => void;
}

/**
 * What stands between a call and its answer: a session that has ended, an action that wants the operator once more. The
 * call waits, and goes on by itself afterwards; what was typed on the page behind stays.
 */
export function Interruptions({ session, onRenewed, onLeft }: InterruptionsProps): JSX.Element | null {
  const [now, setNow] = useState<Interruption | null>(null);
  useEffect(() => {
    const pending = new Map<string, Promise<boolean>>();
    const interrupt = (kind: Interruption['kind']): Promise<boolean> => {
      const asked = pending.get(kind) ?? new Promise<boolean>((done) => setNow({ kind, done }));
      pending.set(kind, asked);
      return asked.finally(() => pending.delete(kind));
    };
    remedyBy({ signIn: () => interrupt('sign-in'), confirm: () => interrupt('confirm'), renew });
    return () => remedyBy(null);
  }, []);
  if (now === null) return null;
  const end = (helped: boolean): void => {
    setNow(null);
    now.done(helped);
  };
  const onSignedIn = (answer: SignedIn): void => {
    // Somebody else must not go on with what the first one has typed or been shown.
    if (answer.session.operator.id !== session.operator.id) location.reload();
    rememberToken(answer.session.csrf);
    onRenewed(answer.session);
    end(true);
  };
  const leave = (): void => {
    end(false);
    onLeft();
  };
  if (now.kind === 'sign-in') return <Ended session={session} onSignedIn={onSignedIn} onLeave={leave} />;
  return <Confirm onConfirmed={onSignedIn} onClose={() => end(false)} />;
}

async function renew(): Promise<boolean> {
  const reply = await ask('GET /console/api/session');
  if (!reply.ok || reply.answer.session === null) return false;
  rememberToken(reply.answer.session.csrf);
  return true;
}

function Ended(props: {
  readonly session: Session;
  readonly onSignedIn: (answer: SignedIn) => void;
  readonly onLeave: () => void;
}): JSX.Element {
  return (
    <Dialog title="Your session has ended" onClose={props.onLeave}>
      <p>Sign in again, and this page goes on where it is.</p>
      <SignInForm email={props.session.operator.email} onSignedIn={props.onSignedIn} />
    </Dialog>
  );
}

function Confirm(props: {
  readonly onConfirmed: (answer: SignedIn) => void;
  readonly onClose: () => void;
}): JSX.Element {
  const [by, setBy] = useState<'code' | 'password'>('code');
  const [value, setValue] = useState('');
  const sending = useSending(async () => {
    const body = by === 'code' ? { code: value } : { password: value };
    const reply = await ask('POST /console/api/session/confirm', { body });
    setValue('');
    return reply;
  }, props.onConfirmed);
  const { problem, busy } = sending;
  const other = by === 'code' ? 'password' : 'code';
  return (
    <Dialog title="Confirm that it is you" onClose={props.onClose}>
      <Form sending={sending}>
        <p>This action changes who may do what. It goes on as soon as you have confirmed.</p>
        <ProblemNotice problem={problem} />
        {by === 'code' ? (
          <CodeField value={value} onChange={setValue} />
        ) : (
          <TextField
            label="Password"
            type="password"
            autoComplete="current-password"
            required
            value={value}
            onChange={setValue}
          />
        )}
        <div class="row apart">
          <Button tone="bare" onPress={() => setBy(other)}>
            {by === 'code' ? 'Use the password' : 'Use a code'}
          </Button>
          <Button tone="first" busy={busy}>
            Confirm
          </Button>
        </div>
      </Form>
    </Dialog>
  );
}
