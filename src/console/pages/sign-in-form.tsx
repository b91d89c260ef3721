import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { SignedIn } from '../../key-service/console/wire.ts';
import { ask } from '../api/ask.ts';
import { Button } from '../parts/button.tsx';
import { TextField } from '../parts/field.tsx';
import { Form, useSending } from '../parts/form.tsx';
import { ProblemNotice } from '../parts/problem.tsx';

/** Email, password and code at once: whoever guesses is not told which of them was wrong. */
export function SignInForm(props: {
  readonly email?: string;
  readonly onSignedIn: (answer: SignedIn) => void;
}): JSX.Element {
  const [email, setEmail] = useState(props.email ?? '');
  const [password, setPassword] = useState('');
  const [code, setCode] = useState('');
  const sending = useSending(
    async () => {
      const reply = await ask('POST /console/api/session', { body: { email, password, code } });
      setCode('');
      return reply;
    },
    (answer) => {
      setPassword('');
      props.onSignedIn(answer);
    },
  );
  const { problem, busy } = sending;
  return (
    <Form sending={sending}>
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
    </Form>
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
