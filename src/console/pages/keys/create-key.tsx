import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { CreatedKey, NewKey, Problem } from '../../../key-service/console/wire.ts';
import { ask, wrongOf } from '../../api/ask.ts';
import { serviceNow } from '../../api/clock.ts';
import { useStanding } from '../../api/session.tsx';
import { Button } from '../../parts/button.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { ChoiceField, TextField } from '../../parts/field.tsx';
import { Form, useSending } from '../../parts/form.tsx';
import { FormProblem } from '../../parts/problem.tsx';
import { NewKeyShown } from './new-key-shown.tsx';
import { OwnerField, useOwner } from './owner-field.tsx';

const DAY_MS = 86_400_000;
const ENDS = [
  { value: '', label: 'Never' },
  { value: '7', label: 'In 7 days' },
  { value: '30', label: 'In 30 days' },
  { value: '90', label: 'In 90 days' },
  { value: '365', label: 'In a year' },
];

interface Draft {
  readonly name: string;
  readonly owner: string;
  readonly profile: string;
  readonly permission: string;
  readonly tier: string;
  readonly days: string;
  readonly limits: string;
}

/** The tier is named where the owner is made with the key; one that is there keeps its own. */
function newKeyOf(draft: Draft, isNewOwner: boolean): NewKey {
  const limits = draft.limits.split(/[\s,]+/).filter((limit) => limit !== '');
  return {
    name: draft.name,
    owner: draft.owner,
    profile: draft.profile,
    permission: draft.permission,
    ...(isNewOwner && { tier: draft.tier }),
    ...(draft.days !== '' && {
      expires_at: new Date(serviceNow() + Number(draft.days) * DAY_MS).toISOString(),
    }),
    ...(limits.length > 0 && { limits }),
  };
}

/** Two steps in one dialog: what the key is to be, and the key, which is shown this once. */
export function CreateKey({ onClose }: { readonly onClose: () => void }): JSX.Element {
  const [created, setCreated] = useState<CreatedKey | null>(null);
  return (
    <Dialog title={created === null ? 'Create a key' : 'The new key'} {...(created === null && { onClose })}>
      {created === null ? (
        <KeyForm onCreated={setCreated} onClose={onClose} />
      ) : (
        <NewKeyShown created={created} onClose={onClose} />
      )}
    </Dialog>
  );
}

function KeyForm(props: {
  readonly onCreated: (created: CreatedKey) => void;
  readonly onClose: () => void;
}): JSX.Element {
  const { about } = useStanding();
  const [draft, setDraft] = useState<Draft>(() => ({
    name: '',
    owner: '',
    profile: about.profiles.at(-1)?.profile ?? '',
    permission: about.permissions[0] ?? '',
    tier: '',
    days: '90',
    limits: '',
  }));
  const owner = useOwner(draft.owner);
  const put = (change: Partial<Draft>): void => setDraft({ ...draft, ...change });
  const sending = useSending(
    () => ask('POST /console/api/keys', { body: newKeyOf(draft, owner === null) }),
    props.onCreated,
  );
  const { problem, busy } = sending;
  return (
    <Form sending={sending}>
      <Identity draft={draft} put={put} problem={problem} tierOf={owner?.tier ?? null} />
      <Powers draft={draft} put={put} problem={problem} />
      <FormProblem problem={problem} fields={FIELDS} />
      <div class="row end">
        <Button onPress={props.onClose}>Cancel</Button>
        <Button tone="first" busy={busy}>
          Create key
        </Button>
      </div>
    </Form>
  );
}

const FIELDS = ['name', 'owner', 'profile', 'tier', 'permission', 'expires_at', 'limits'];

interface PartProps {
  readonly draft: Draft;
  readonly put: (change: Partial<Draft>) => void;
  readonly problem: Problem | null;
}

function Identity(props: PartProps & { readonly tierOf: string | null }): JSX.Element {
  const { draft, put, problem, tierOf } = props;
  const { about } = useStanding();
  const tiers = about.profiles.find(({ profile }) => profile === draft.profile)?.tiers ?? [];
  const tier = { label: 'Tier', value: tierOf ?? draft.tier, wrong: wrongOf(problem, 'tier') };
  const choices = tiers.map(({ name, limits }) => ({
    value: name,
    label: `${name}: ${limits === 'unlimited' ? limits : limits.join(', ')}`,
  }));
  return (
    <div class="pairs">
      <TextField
        label="Name"
        hint="For people: what the key is for."
        required
        autoFocus
        value={draft.name}
        onChange={(name) => put({ name })}
        wrong={wrongOf(problem, 'name')}
      />
      <OwnerField
        value={draft.owner}
        onChange={(owner) => put({ owner })}
        wrong={wrongOf(problem, 'owner')}
      />
      <ChoiceField
        label="Profile"
        hint="Which API it is for: decides the header format."
        value={draft.profile}
        choices={about.profiles.map(({ profile }) => ({ value: profile, label: profile }))}
        onChange={(profile) => put({ profile, tier: '' })}
        wrong={wrongOf(problem, 'profile')}
      />
      {tierOf === null && choices.length > 0 ? (
        <ChoiceField
          {...tier}
          hint="Of the new owner."
          choices={[{ value: '', label: 'Choose a tier' }, ...choices]}
          onChange={(tier) => put({ tier })}
        />
      ) : (
        <OwnTier {...tier} fixed={tierOf !== null} onChange={(tier) => put({ tier })} />
      )}
    </div>
  );
}

function OwnTier(props: {
  readonly label: string;
  readonly value: string;
  readonly wrong: string | undefined;
  readonly fixed: boolean;
  readonly onChange: (tier: string) => void;
}): JSX.Element {
  const { fixed, ...field } = props;
  return (
    <TextField {...field} hint={fixed ? "The owner's." : 'Of the new owner.'} readOnly={fixed} required />
  );
}

function Powers({ draft, put, problem }: PartProps): JSX.Element {
  const { about } = useStanding();
  return (
    <div class="pairs">
      <ChoiceField
        label="Permission"
        value={draft.permission}
        choices={about.permissions.map((value) => ({ value, label: value.replaceAll('_', ' ') }))}
        onChange={(permission) => put({ permission })}
        wrong={wrongOf(problem, 'permission')}
      />
      <ChoiceField
        label="Ends"
        value={draft.days}
        choices={ENDS}
        onChange={(days) => put({ days })}
        wrong={wrongOf(problem, 'expires_at')}
      />
      <TextField
        label="Limits of its own"
        hint="Beside those of the tier, such as 100/minute; may be empty."
        value={draft.limits}
        onChange={(limits) => put({ limits })}
        wrong={wrongOf(problem, 'limits')}
      />
    </div>
  );
}
