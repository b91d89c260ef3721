import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { KeyRow } from '../../../key-service/console/wire.ts';
import { ask } from '../../api/ask.ts';
import { Button } from '../../parts/button.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { useSending } from '../../parts/form.tsx';
import { ProblemNotice } from '../../parts/problem.tsx';
import { RevocationProgress } from './revocation-progress.tsx';

/** Revoking cannot be taken back, so it is asked once; then the gates are watched until none accepts the key. */
export function RevokeKey({
  row,
  onClose,
}: {
  readonly row: KeyRow;
  readonly onClose: () => void;
}): JSX.Element {
  const [revoked, setRevoked] = useState(row.status === 'revoked');
  const { problem, busy, send } = useSending(
    () => ask('POST /console/api/keys/:id/revoke', { id: row.key_id, body: {} }),
    () => setRevoked(true),
  );
  if (revoked) {
    return (
      <Dialog title={`${row.name} is revoked`} onClose={onClose}>
        <RevocationProgress id={row.key_id} />
        <div class="row end">
          <Button tone="first" onPress={onClose}>
            Close
          </Button>
        </div>
      </Dialog>
    );
  }
  return (
    <Dialog title={`Revoke ${row.name}?`} onClose={onClose}>
      <p>
        Whoever uses this key is refused from then on, streams that are open end, and it cannot be taken back.
        To replace a key without a gap, rotate it.
      </p>
      <ProblemNotice problem={problem} />
      <div class="row end">
        <Button onPress={onClose}>Keep the key</Button>
        <Button tone="grave" busy={busy} onPress={() => void send()}>
          Revoke
        </Button>
      </div>
    </Dialog>
  );
}
