import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { OperatorLink, Role } from '../../../key-service/console/wire.ts';
import { ask, wrongOf } from '../../api/ask.ts';
import { Button } from '../../parts/button.tsx';
import { Copyable } from '../../parts/copy.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { ChoiceField, TextField } from '../../parts/field.tsx';
import { Instant } from '../../parts/instant.tsx';
import { Form, useSending } from '../../parts/form.tsx';
import { FormProblem } from '../../parts/problem.tsx';
import { Notice } from '../../parts/tag.tsx';
import { ROLES_OFFERED } from './roles.ts';

export function NewOperatorForm(props: {
  readonly onMade: (link: OperatorLink) => void;
  readonly onClose: () => void;
}): JSX.Element {
  const [email, setEmail] = useState('');
  const [role, setRole] = useState<Role>('viewer');
  const sending = useSending(
    () => ask('POST /console/api/operators', { body: { email, role } }),
    props.onMade,
  );
  const { problem, busy } = sending;
  return (
    <Dialog title="Add an operator" onClose={props.onClose}>
      <Form sending={sending}>
        <TextField
          label="Email"
          type="email"
          required
          autoFocus
          value={email}
          onChange={setEmail}
          wrong={wrongOf(problem, 'email')}
        />
        <ChoiceField
          label="Role"
          value={role}
          choices={ROLES_OFFERED}
          onChange={(role) => setRole(role as Role)}
          wrong={wrongOf(problem, 'role')}
        />
        <FormProblem problem={problem} fields={['email', 'role']} />
        <div class="row end">
          <Button onPress={props.onClose}>Cancel</Button>
          <Button tone="first" busy={busy}>
            Add operator
          </Button>
        </div>
      </Form>
    </Dialog>
  );
}

/** Whoever has the link becomes the operator, so it is shown once and goes to one person. */
export function LinkShown({
  link,
  onClose,
}: {
  readonly link: OperatorLink;
  readonly onClose: () => void;
}): JSX.Element {
  return (
    <Dialog title={`Link for ${link.operator.email}`}>
      <Notice tone="warn">
        Whoever opens this link first becomes {link.operator.email}. Give it to them alone; it is not shown
        again.
      </Notice>
      <Copyable label="One-time link" text={link.link} />
      <p class="quiet">
        It is good until <Instant at={link.ends_at} />.
      </p>
      <div class="row end">
        <Button tone="first" onPress={onClose}>
          I have the link
        </Button>
      </div>
    </Dialog>
  );
}
