import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { Problem, SignedIn } from '../../key-service/console/wire.ts';
import { ask } from '../api/ask.ts';
import { Button } from '../parts/button.tsx';
import { TextField } from '../parts/field.tsx';
import { ProblemNotice } from '../parts/problem.tsx';

/** Email, password and code at once: whoever guesses is not told which of them was wrong. */
export function SignInForm(props: {
  readonly email?: string;
  readonly onSignedIn: (answer: SignedIn) => void;
}): JSX.Element {
  const [email, setEmail] = useState(props.email ?? '');
  const [password, setPassword] = useState('');
  const [code, setCode] = useState('');
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const send = async (): Promise<void> => {
    setBusy(true);
    const reply = await ask('POST /console/api/session', { body: { email, password, code } });
    setBusy(false);
    setProblem(reply.ok ? null : reply.problem);
    setCode('');
    if (!reply.ok) return;
    setPassword('');
    props.onSignedIn(reply.answer);
  };
  return (
    <form
      class="stack"
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      <ProblemNotice problem={problem} />
      <TextField
        label="Email"
        type="email"
        autoComplete="username"
        required
        value={email}
        onChange={setEmail}
      />
      <TextField
        label="Password"
        type="password"
        autoComplete="current-password"
        required
        value={password}
        onChange={setPassword}
      />
      <CodeField value={code} onChange={setCode} />
      <Button tone="first" busy={busy}>
        Sign in
      </Button>
    </form>
  );
}

export function CodeField(props: {
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly hint?: string;
  readonly wrong?: string | undefined;
}): JSX.Element {
  return (
    <TextField
      label="Code of your authenticator"
      class="code"
      hint={props.hint ?? 'Six digits. Each code is good once.'}
      wrong={props.wrong}
      inputMode="numeric"
      autoComplete="one-time-code"
      pattern="[0-9]{6}"
      maxLength={6}
      required
      value={props.value}
      onChange={(value) => props.onChange(value.replace(/\D/g, ''))}
    />
  );
}
