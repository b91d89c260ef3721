import { PERMISSIONS } from '../../core/key.ts';
import { STATED_LIMIT_FORM } from '../../core/limit.ts';
import { PROFILES } from '../../core/profile.ts';
import type { JsonSchema } from '../requests/json-schema.ts';
import { AUDIT_ACTIONS, AUDIT_KINDS } from '../store/ledger.ts';
import { KEY_STATUSES } from '../store/store.ts';
import { flag, instant, listOf, object, oneOf, orNull, ref, text, wholeNumber } from './schema.ts';

const ID = { minLength: 1, maxLength: 128 };
const limits = listOf(text(STATED_LIMIT_FORM, { examples: ['100/minute'] }), { maxItems: 8 });

const owner = object({
  id: text('Who is billed.', { ...ID, examples: ['acme'] }),
  profile: oneOf(PROFILES),
  tier: text('A tier of the profile; a name that a gate does not know is its first tier.', ID),
  enabled: flag('False: none of the keys works, and callers are told 401.'),
  workspace: orNull(text('The workspace the keys act in.', ID)),
  limits: { ...orNull(limits), description: "In place of the tier's; null: the tier's." },
});

const recordFields = {
  key_id: text('The public id of the key, in logs and identity headers.', ID),
  name: text('What people call the key.', { maxLength: 256 }),
  profile: oneOf(PROFILES),
  owner: ref('Owner'),
  permission: oneOf(PERMISSIONS),
  limits: { ...limits, description: "The key's own limits, beside the owner's." },
  mcps: {
    description: 'The MCP servers that the key may reach: all, or these ids.',
    anyOf: [{ const: '*' }, listOf(text('An id.', ID), { maxItems: 256 })],
  },
  created_at: instant('When the key was made.'),
  expires_at: orNull(instant('From this millisecond on the key is refused as expired; null: never.')),
  revoked_at: orNull(instant('Not null: the key is refused as revoked.')),
  deprecated_at: orNull(instant('When a rotation replaced the key: it works on, and its callers are told.')),
};

const shownKey = {
  ...recordFields,
  status: oneOf(KEY_STATUSES),
  key_prefix: orNull(text('How the key begins; null of imported keys.')),
  key_suffix: orNull(text('How the key ends; null of imported keys.')),
  created_by: text('The id of the key or the email of the operator that made it, or a word: admin, import.'),
  replaced_by: orNull(text('The id of the key that replaced it.')),
  last_used_at: orNull(instant('As reported by gates.')),
};
const clearKey = { key: text('The key itself, this once.', { examples: ['pg_sk_...'] }) };

const change = object({
  number: wholeNumber('In commit order, without gaps.', 1),
  key_id: orNull(text('The key that was made, changed or ended.', ID)),
  owner_id: orNull(text('The owner that was changed: all of its keys are.', ID)),
  digest: orNull(
    text('The digest that stands for another key now, or for one at all.', { pattern: '^[0-9a-f]{64}$' }),
  ),
});

const grant = object({
  epoch: text('Names this history of numbers.', { pattern: '^[\\x21-\\x7e]{1,128}$' }),
  head: wholeNumber('The number of the newest change.'),
  changes: listOf(ref('Change'), { maxItems: 10_000, description: 'Those after `applied`, in order.' }),
  fence: wholeNumber(
    'How many milliseconds what the gate knows may be used: at least 100, or 0 to one that leaves.',
    0,
    {
      maximum: 3_600_000,
    },
  ),
  now: instant("The key service's time, by which keys expire."),
  redis_run: orNull(text('The run id of the Redis process that heads are written to; null without Redis.')),
});

const propagation = object({
  members: wholeNumber('Gates that were there when the key was revoked.'),
  acked: wholeNumber('Those that have confirmed that they know of it.'),
  fenced: wholeNumber('Those that are silent, and use nothing that they knew before it any more.'),
  fenced_members: listOf(text('The name of such a gate process.')),
});

const revocation = {
  key_id: text('The public id of the key.'),
  status: oneOf(['revoked']),
  revoked_at: instant('When it was first revoked.'),
  propagation: ref('Propagation'),
};

const fleet = object({
  epoch: text('Names the history of numbers.'),
  head: wholeNumber('The number of the newest change.'),
  redis_run: orNull(text('The run id of the Redis process that heads are written to.')),
  redis_settled: flag('Whether no gate can still go by another Redis process.'),
  members: listOf(
    object({
      member_id: text('The name that the gate process made.'),
      applied: wholeNumber('It has confirmed all changes up to this one.'),
      lag: wholeNumber('How many changes it is behind.'),
      stale_if_error: wholeNumber('How many milliseconds it may go on by what Redis confirms.'),
      seen_ago: wholeNumber('Milliseconds since it was last seen to renew.'),
    }),
  ),
});

const problem = object(
  {
    type: text('about:blank'),
    title: text('The words of the status.'),
    status: wholeNumber('The status.', 400),
    detail: text('What is wrong, in words.'),
    errors: listOf(
      object({
        field: text('The name of the field on the wire; empty where it is the whole.'),
        message: text('What it must be; never what it was.'),
      }),
    ),
  },
  ['errors'],
);

const auditRow = object({
  id: wholeNumber('Of the row.', 1),
  at: instant('When; of counts, the latest.'),
  kind: oneOf(AUDIT_KINDS),
  action: { enum: [...AUDIT_ACTIONS, null], description: 'Of a management call.' },
  reason: orNull(text('Why a gate refused a request.')),
  outcome: orNull(text('Of a management call: done, repeated, or why it was refused.')),
  request_id: orNull(text('Of the request.')),
  key_id: orNull(text('Who acted; null: the holder of the admin token, or an unknown key.')),
  owner_id: orNull(text('Whose key that is.')),
  operator: orNull(text('The email of who acted in the console.')),
  subject_key_id: orNull(text('What was acted on.')),
  subject_owner_id: orNull(text('Whose that is.')),
  subject_operator: orNull(text('The email of the operator that was acted on.')),
  address: orNull(text("The client's.")),
  user_agent: orNull(text('Masked and cut.')),
  method: orNull(text('Of the request.')),
  path: orNull(text('Masked and cut.')),
  route: orNull(text('Of the gate.')),
  count: wholeNumber('How many requests the row stands for.', 1),
  first_at: instant('The first of them.'),
});

const counts = (description: string): JsonSchema => ({
  type: 'object',
  description,
  additionalProperties: { type: 'integer', minimum: 0 },
});

const usage = object(
  {
    key: text('The key asked for.'),
    owner: text('The owner asked for.'),
    from: instant('Counted from here, by whole hours'),
    to: instant('up to here.'),
    requests: wholeNumber('Requests that an upstream answered.'),
    errors: wholeNumber('Those answered with 4xx or 5xx.'),
    by_status: counts('By class of status.'),
    by_route: counts('By route.'),
    by_day: listOf(
      object({
        date: text('A UTC day.', { examples: ['2030-01-31'] }),
        requests: wholeNumber('Of the day.'),
        errors: wholeNumber('Of the day.'),
      }),
    ),
  },
  ['key', 'owner'],
);

/** What several calls answer with. */
export const COMPONENTS: Readonly<Record<string, JsonSchema>> = {
  Owner: owner,
  Record: object(recordFields),
  Key: object(shownKey),
  NewKey: object({ ...shownKey, ...clearKey }),
  Rotation: object({
    ...shownKey,
    ...clearKey,
    replaces: text('The id of the old key.'),
    old_expires_at: orNull(instant('When the old key ends.')),
  }),
  Change: change,
  Grant: grant,
  Propagation: propagation,
  Revocation: object(revocation),
  UncertainRevocation: object({
    ...revocation,
    certain_at: instant('When it is certain, whatever the silent gates do.'),
    detail: text('The same in words.'),
  }),
  Fleet: fleet,
  Pagination: object({
    total: wholeNumber('How many there are.'),
    limit: wholeNumber('How many were asked for.', 1),
    offset: wholeNumber('How many were left out first.'),
    has_more: flag('Whether more follow.'),
  }),
  AuditRow: auditRow,
  Usage: usage,
  Problem: problem,
};
