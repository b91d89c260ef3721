import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { OwnerRow } from '../../../key-service/console/wire.ts';
import { ask } from '../../api/ask.ts';
import { TextField } from '../../parts/field.tsx';

const SHOWN = 8;
const PAUSE_MS = 150;
const LIST = 'owners-there-are';

/** The owner of that very id; null where there is none, or it is not known yet. */
export function useOwner(id: string): OwnerRow | null {
  const [owner, setOwner] = useState<OwnerRow | null>(null);
  useEffect(() => {
    setOwner(null);
    if (id === '') return undefined;
    const left = new AbortController();
    const timer = window.setTimeout(() => {
      void ask('GET /console/api/owners/:id', { id, signal: left.signal }).then((reply) => {
        if (reply.ok && !left.signal.aborted) setOwner(reply.answer);
      });
    }, PAUSE_MS);
    return () => {
      window.clearTimeout(timer);
      left.abort();
    };
  }, [id]);
  return owner;
}

/** Offers the owners there are; another id makes another owner. */
export function OwnerField(props: {
  readonly value: string;
  readonly onChange: (owner: string) => void;
  readonly wrong: string | undefined;
}): JSX.Element {
  const [owners, setOwners] = useState<readonly OwnerRow[]>([]);
  useEffect(() => {
    const left = new AbortController();
    const timer = window.setTimeout(() => {
      const query = { search: props.value, limit: SHOWN };
      void ask('GET /console/api/owners', { query, signal: left.signal }).then((reply) => {
        if (reply.ok && !left.signal.aborted) setOwners(reply.answer.owners);
      });
    }, PAUSE_MS);
    return () => {
      window.clearTimeout(timer);
      left.abort();
    };
  }, [props.value]);
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
