import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { OwnerRow } from '../../../key-service/console/wire.ts';
import { ask } from '../../api/ask.ts';
import { TextField } from '../../parts/field.tsx';

const SHOWN = 8;
const PAUSE_MS = 150;
const LIST = 'owners-there-are';

/** What the key service answers once nobody has typed for a moment; an answer to an older question is dropped. */
function useAsked(asked: string, ask: (signal: AbortSignal) => Promise<void>): void {
  useEffect(() => {
    const left = new AbortController();
    const timer = window.setTimeout(() => void ask(left.signal), PAUSE_MS);
    return () => {
      window.clearTimeout(timer);
      left.abort();
    };
  }, [asked]);
}

/** The owner of that very id; null where there is none, or it is not known yet. */
export function useOwner(id: string): OwnerRow | null {
  const [owner, setOwner] = useState<OwnerRow | null>(null);
  useAsked(id, async (signal) => {
    const reply = id === '' ? null : await ask('GET /console/api/owners/:id', { id, signal });
    if (!signal.aborted) setOwner(reply?.ok === true ? reply.answer : null);
  });
  return owner?.id === id ? owner : null;
}

/** Offers the owners there are; another id makes another owner. */
export function OwnerField(props: {
  readonly value: string;
  readonly onChange: (owner: string) => void;
  readonly wrong: string | undefined;
}): JSX.Element {
  const [owners, setOwners] = useState<readonly OwnerRow[]>([]);
  useAsked(props.value, async (signal) => {
    const reply = await ask('GET /console/api/owners', {
      query: { search: props.value, limit: SHOWN },
      signal,
    });
    if (reply.ok && !signal.aborted) setOwners(reply.answer.owners);
  });
  return (
    <>
      <TextField
        {...props}
        label="Owner"
        hint="Who is billed. An id that nobody has makes a new owner."
        autoComplete="off"
        list={LIST}
        required
      />
      <datalist id={LIST}>
        {owners.map(({ id, tier }) => (
          <option key={id} value={id}>
            {tier}
          </option>
        ))}
      </datalist>
    </>
  );
}
