import type { JSX } from 'preact';
import type { Revocation } from '../../../key-service/console/wire.ts';
import { ask } from '../../api/ask.ts';
import { useLive } from '../../api/live.ts';
import { Countdown, Instant } from '../../parts/instant.tsx';
import { ProblemNotice } from '../../parts/problem.tsx';
import { Notice, Tag } from '../../parts/tag.tsx';
import { useState } from 'preact/hooks';

const EVERY_MS = 250;

/** Who has confirmed, who is cut off and uses nothing older, who is waited for; until it is certain. */
export function RevocationProgress({ id }: { readonly id: string }): JSX.Element {
  const [certain, setCertain] = useState(false);
  const revocation = useLive(
    async (terms) => {
      const reply = await ask('GET /console/api/keys/:id/revocation', { id, ...terms });
      if (reply.ok) setCertain(reply.answer.state === 'certain');
      return reply;
    },
    id,
    certain ? null : EVERY_MS,
  );
  if (revocation.answer === null)
    return revocation.problem === null ? (
      <span class="bones" />
    ) : (
      <ProblemNotice problem={revocation.problem} />
    );
  return <Progress revocation={revocation.answer} />;
}

function Progress({ revocation }: { readonly revocation: Revocation }): JSX.Element {
  const { members, acked, fenced, state, certain_at: certainAt, revoked_at: revokedAt } = revocation;
  return (
    <>
      <div class="row apart">
        <strong>
          {acked}/{members} sidecars
        </strong>
        <span class="quiet">
          revoked <Instant at={revokedAt} />
        </span>
      </div>
      <meter
        aria-label="Sidecars that have confirmed"
        min={0}
        max={Math.max(1, members)}
        value={acked + fenced}
      >
        {acked + fenced} of {members}
      </meter>
      {state === 'certain' ? (
        <Notice tone="good">No gate accepts this key in a request that begins from now on.</Notice>
      ) : (
        <Notice tone="warn">
          <span>
            Waiting for the others.{' '}
            {certainAt !== null && (
              <>
                Certain at the latest: the wait <Countdown to={certainAt} />
              </>
            )}
          </span>
        </Notice>
      )}
      <ul class="acks">
        {revocation.waiting_members.map((member) => (
          <Member key={member} member={member} tone="warn" state="waited for" />
        ))}
        {revocation.fenced_members.map((member) => (
          <Member key={member} member={member} tone="plain" state="fenced: it uses nothing older" />
        ))}
      </ul>
    </>
  );
}

function Member(props: {
  readonly member: string;
  readonly tone: 'warn' | 'plain';
  readonly state: string;
}): JSX.Element {
  return (
    <li>
      <code>{props.member}</code> <Tag tone={props.tone}>{props.state}</Tag>
    </li>
  );
}
