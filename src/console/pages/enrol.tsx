import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Enrolment, Problem, SignedIn } from '../../key-service/console/wire.ts';
import { ask, wrongOf } from '../api/ask.ts';
import { Button } from '../parts/button.tsx';
import { Copyable } from '../parts/copy.tsx';
import { TextField } from '../parts/field.tsx';
import { Form, useSending } from '../parts/form.tsx';
import { Instant } from '../parts/instant.tsx';
import { FormProblem, ProblemNotice } from '../parts/problem.tsx';
import { Qr } from '../parts/qr.tsx';
import { CodeField } from './sign-in-form.tsx';

/** The first visit by a one-time link: a password, and the authenticator's secret. */
export function Enrol(props: {
  readonly token: string;
  readonly onSignedIn: (answer: SignedIn) => void;
}): JSX.Element {
  const [enrolment, setEnrolment] = useState<Enrolment | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const look = async (): Promise<void> => {
    const reply = await ask('POST /console/api/enrolment/look', { body: { token: props.token } });
    setProblem(reply.ok ? null : reply.problem);
    if (reply.ok) setEnrolment(reply.answer);
  };
  useEffect(() => void look(), []);
  if (enrolment !== null) return <EnrolForm {...props} enrolment={enrolment} />;
  if (problem === null) return <span class="bones" />;
  if (problem.code !== 'gone') return <ProblemNotice problem={problem} onRetry={() => void look()} />;
  return (
    <div class="stack">
      <ProblemNotice problem={problem} />
      <p>
        Ask an admin for a new link, or make one where the key service runs:{' '}
        <code>plexgate operators create</code>. If you have set your password already,{' '}
        <a href={import.meta.env.BASE_URL}>sign in</a>.
      </p>
    </div>
  );
}

const FIELDS = ['email', 'password', 'code'];

function EnrolForm(props: {
  readonly token: string;
  readonly enrolment: Enrolment;
  readonly onSignedIn: (answer: SignedIn) => void;
}): JSX.Element {
  const { token, enrolment } = props;
  const [email, setEmail] = useState(enrolment.email ?? '');
  const [password, setPassword] = useState('');
  const [code, setCode] = useState('');
  const sending = useSending(() => {
    const body = { token, password, code, ...(enrolment.email === null && { email }) };
    return ask('POST /console/api/enrolment', { body });
  }, props.onSignedIn);
  const { problem, busy } = sending;
  return (
    <Form sending={sending}>
      <Invitation enrolment={enrolment} />
      <TextField
        label="Email"
        type="email"
        autoComplete="username"
        required
        readOnly={enrolment.email !== null}
        value={email}
        onChange={setEmail}
        wrong={wrongOf(problem, 'email')}
      />
      <NewPassword
        minLength={enrolment.password_min_length}
        value={password}
        onChange={setPassword}
        wrong={wrongOf(problem, 'password')}
      />
      <Authenticator enrolment={enrolment} />
      <CodeField
        hint="The six digits it shows now."
        value={code}
        onChange={setCode}
        wrong={wrongOf(problem, 'code')}
      />
      <FormProblem problem={problem} fields={FIELDS} />
      <Button tone="first" busy={busy}>
        Set password and sign in
      </Button>
    </Form>
  );
}

function NewPassword(props: {
  readonly minLength: number;
  readonly value: string;
  readonly onChange: (password: string) => void;
  readonly wrong: string | undefined;
}): JSX.Element {
  return (
    <TextField
      {...props}
      label="New password"
      type="password"
      autoComplete="new-password"
      hint={`At least ${props.minLength} characters; a few words are better than one with signs.`}
      required
    />
  );
}

function Authenticator({ enrolment }: { readonly enrolment: Enrolment }): JSX.Element {
  return (
    <>
      <p>Scan this with your authenticator, or type the secret into it.</p>
      <Qr text={enrolment.otpauth_uri} label="QR code of the secret, which stands below as text" />
      <Copyable label="Secret for your authenticator" text={enrolment.secret} />
    </>
  );
}

function Invitation({ enrolment }: { readonly enrolment: Enrolment }): JSX.Element {
  return (
    <p>
      {enrolment.is_recovery ? 'A new password and a new authenticator for ' : 'Welcome. This link makes '}
      <strong>{enrolment.email ?? 'you'}</strong>
      {enrolment.is_recovery
        ? '. The old ones end with it.'
        : ` an operator with the role ${enrolment.role}.`}{' '}
      <span class="quiet">
        It is good until <Instant at={enrolment.ends_at} />.
      </span>
    </p>
  );
}
