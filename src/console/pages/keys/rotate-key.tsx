import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { KeyRow, RotatedKey } from '../../../key-service/console/wire.ts';
import { ask, wrongOf } from '../../api/ask.ts';
import { useStanding } from '../../api/session.tsx';
import { Button } from '../../parts/button.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { ChoiceField } from '../../parts/field.tsx';
import { Form, useSending } from '../../parts/form.tsx';
import { Countdown } from '../../parts/instant.tsx';
import { FormProblem } from '../../parts/problem.tsx';
import { Notice } from '../../parts/tag.tsx';
import { NewKeyShown } from './new-key-shown.tsx';

const OVERLAPS = [
  { value: '0s', label: 'It ends at once' },
  { value: '5m', label: '5 minutes' },
  { value: '1h', label: '1 hour' },
  { value: '1d', label: '1 day' },
  { value: '7d', label: '7 days' },
  { value: '30d', label: '30 days' },
];

/** A new key in the place of the old one, which goes on for a while so that nobody stands without. */
export function RotateKey({
  row,
  onClose,
}: {
  readonly row: KeyRow;
  readonly onClose: () => void;
}): JSX.Element {
  const [rotated, setRotated] = useState<RotatedKey | null>(null);
  if (rotated === null) {
    return (
      <Dialog title={`Rotate ${row.name}`} onClose={onClose}>
        <RotateForm row={row} onRotated={setRotated} onClose={onClose} />
      </Dialog>
    );
  }
  const { old } = rotated;
  return (
    <Dialog title="The new key">
      {old.expires_at !== null && (
        <Notice tone="plain">
          <span>
            The old key <Countdown to={old.expires_at} />
          </span>
        </Notice>
      )}
      <NewKeyShown created={rotated} onClose={onClose} />
    </Dialog>
  );
}

function RotateForm(props: {
  readonly row: KeyRow;
  readonly onRotated: (rotated: RotatedKey) => void;
  readonly onClose: () => void;
}): JSX.Element {
  const { row, onRotated, onClose } = props;
  const { about } = useStanding();
  const [overlap, setOverlap] = useState('1h');
  const hasOverlap = about.profiles.find(({ profile }) => profile === row.profile)?.has_overlap ?? true;
  const sending = useSending(() => {
    const body = { overlap: hasOverlap ? overlap : '0s' };
    return ask('POST /console/api/keys/:id/rotate', { id: row.key_id, body });
  }, onRotated);
  const { problem, busy } = sending;
  return (
    <Form sending={sending}>
      <p>The new key has the same owner, permission and limits.</p>
      {hasOverlap ? (
        <ChoiceField
          label="How long the old key goes on"
          value={overlap}
          choices={OVERLAPS}
          onChange={setOverlap}
          wrong={wrongOf(problem, 'overlap')}
        />
      ) : (
        <Notice tone="warn">The old key ends at once: keys of {row.profile} have no overlap.</Notice>
      )}
      <FormProblem problem={problem} fields={['overlap']} />
      <div class="row end">
        <Button onPress={onClose}>Cancel</Button>
        <Button tone="first" busy={busy}>
          Rotate
        </Button>
      </div>
    </Form>
  );
}
