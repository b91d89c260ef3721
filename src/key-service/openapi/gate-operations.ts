import { renewBody, resolveBody } from '../requests/gates.ts';
import { jsonSchemaOf } from '../requests/json-schema.ts';
import { reportBody } from '../requests/reports.ts';
import { component, INVALID, ok, refused, type Operations } from './operation.ts';
import { object, oneOf, ref, text, wholeNumber } from './schema.ts';

const asOf = wholeNumber('The number of the newest change that this answer has seen.');
const DIGEST = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08';

const RECORD = {
  key_id: 'key-1',
  name: 'ci',
  profile: 'standard',
  owner: { id: 'acme', profile: 'standard', tier: 'default', enabled: true, workspace: null, limits: null },
  permission: 'read_write',
  limits: ['100/minute'],
  mcps: '*',
  created_at: '2030-01-01T00:00:00.000Z',
  expires_at: null,
  revoked_at: null,
  deprecated_at: null,
};

const GRANT = {
  epoch: 'b1946ac9',
  head: 42,
  changes: [{ number: 42, key_id: 'key-1', owner_id: null, digest: null }],
  fence: 2000,
  now: '2030-01-01T00:00:00.000Z',
  redis_run: null,
};

const RESOLVE = `
A gate asks for a key it does not know, for 1 s at most; and for one whose answer has aged, in the background where there are renewals. \`as_of\` never goes back.

- **200** with the record, also of a revoked or an expired key: the gate judges \`revoked_at\`, \`expires_at\` and
  \`owner.enabled\` by itself, on every request.
- **404** with \`as_of\`: nobody has such a key; the gate's callers get 401.
- Everything else says nothing of the key: a 404 without \`as_of\`, any other status, an answer that is not
  \`application/json\`, or one that lacks a field or has a field of another form. The gate's callers get 503.

\`as_of\` is the number of the newest change of any key or owner that the answer has seen. Read it in the same
transaction as the record, or before the record, never after it. A gate drops an answer where it knows of a later change
of that key, its owner or its digest, so an answer that was under way during a revocation cannot bring the key back. A
service that offers no renewals may always say 0.

**Resolve alone.** A service that answers 404, 405 or 501 to renewals has its answers used for at most the gate's own
\`proxy.keys.fence\` (2 s), counted from before the question. That is then the longest that a revoked key lives on, and
the longest that a gate serves while the service is away: after it, 503.`;

const RENEW = `
Each gate process is a member of the fleet, under a name that it made when it started. It renews four times in each
fence, waits for at most half a fence, and uses what it knows only until \`fence\` milliseconds after it *sent* its last renewal that
was answered. So the service can tell when no gate can be using older knowledge any more.

What the service does, in this order:

1. **Keep the member's row**, \`{id, epoch, applied}\`, and commit it. With \`leaving\` true the row goes instead.
2. **Then** read the head and the changes after \`applied\`, and answer. Never the other way round: a revocation between
   the two would neither wait for this member nor be told to it.

- **Numbers.** Each change of a key or an owner takes the next number in the order of commits, starting at 1, without gaps.
  \`head\` is the newest.
- **Changes** are those after \`applied\`, in order: everything that makes an earlier answer to resolve untrue. A new
  key has its \`digest\` (gates may remember that nobody had it), a changed or ended key its \`key_id\`, a changed owner its
  \`owner_id\`. Keep them for 15 minutes. At most 10,000 go in one grant: the gate asks again at once until the last one
  is \`head\`. Where those right after \`applied\` are no longer kept, begin with the oldest that is: the gate then forgets
  what it knows from before it.
- **Epoch** names one history of numbers. Start a new one, any other text, whenever numbers may have been lost: a restart
  without durable storage, a restored backup, a member whose \`applied\` is beyond the head. In a new epoch numbers may begin
  anew, and gates forget all they knew. Where the caller's \`epoch\` is null or another one, answer as if \`applied\` were
  0; its row acknowledges nothing.
- **Fence.** Say the same one always, at least 100 ms. A gate may use a shorter one, never a longer one.
- **\`redis_run\`** is null, unless you write heads to the Redis of the gates as the reference key service does. With
  null a gate serves nothing that it knows beyond the fence when the service is away.
- **\`now\`** is the time by which gates judge \`expires_at\`.

**A revocation** (or any change that has to be certain): commit it, which gives it a number n. Then read the rows of
the members, and wait until each of them either has \`applied\` >= n with the current \`epoch\`, or 1.15 x fence has passed
since the commit; the margin covers clocks of different rates. Now no gate accepts the key. A row without a renewal for
longer than that may be dropped.`;

const REPORT = `
What a gate has seen and how it stands, every 2 s and when it stops: usage by key, refused authentications, and gauges. A report that is not
answered with 2xx is sent again, unchanged, under the same \`sequence\`; remember the numbers that were taken. A service
that answers 404, 405 or 501 wants no reports, and gets on without them.`;

export const GATE_OPERATIONS: Operations = {
  'POST /v1/keys/resolve': {
    id: 'resolve',
    tag: 'gates',
    summary: 'What a digest stands for',
    description: RESOLVE,
    body: jsonSchemaOf(resolveBody),
    example: { digest: DIGEST },
    answers: {
      200: ok(object({ record: ref('Record'), as_of: asOf }), 'The key.', { record: RECORD, as_of: 42 }),
      404: ok(object({ as_of: asOf }), 'Nobody has this key.', { as_of: 42 }),
      422: INVALID,
    },
  },
  'POST /v1/members/:id/renew': {
    id: 'renew',
    tag: 'gates',
    summary: 'What has changed, and for how long a gate may use what it knows',
    description: RENEW,
    path: 'The name of the gate process: 1 to 64 of the characters A-Z a-z 0-9 . _ -',
    body: jsonSchemaOf(renewBody),
    example: { epoch: 'b1946ac9', applied: 41, stale_if_error: 0 },
    answers: {
      200: component('Grant', 'What has changed.', GRANT),
      422: INVALID,
      501: refused('Renewals are not offered; 404 and 405 say the same.'),
    },
  },
  'POST /v1/reports': {
    id: 'report',
    tag: 'gates',
    summary: 'What a gate has seen',
    description: REPORT,
    body: jsonSchemaOf(reportBody),
    answers: {
      200: ok(
        object({ member: text('As it was sent.'), sequence: wholeNumber('As it was sent.', 1) }),
        'Counted, or counted before.',
      ),
    },
  },
  'GET /livez': {
    id: 'livez',
    tag: 'health',
    summary: 'Whether the process runs',
    answers: { 200: ok(object({ status: oneOf(['ok']) }), 'It does.') },
  },
  'GET /readyz': {
    id: 'readyz',
    tag: 'health',
    summary: 'Whether the store answers',
    answers: { 200: ok(object({ status: oneOf(['ok']) }), 'It does.'), 503: refused('It does not.') },
  },
  'GET /openapi.json': {
    id: 'openapi',
    tag: 'health',
    summary: 'This document',
    answers: { 200: ok(object({ openapi: text('The version of OpenAPI.') }), 'OpenAPI 3.1.') },
  },
};
