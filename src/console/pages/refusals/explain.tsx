import type { JSX } from 'preact';
import type { Decision, Explanation } from '../../../key-service/console/wire.ts';
import { ask } from '../../api/ask.ts';
import { useLive } from '../../api/live.ts';
import { Dialog } from '../../parts/dialog.tsx';
import { instantText, spanText } from '../../parts/instant.tsx';
import { ProblemNotice } from '../../parts/problem.tsx';
import { Empty, Tag } from '../../parts/tag.tsx';
import { hrefOf } from '../../routes.ts';
import { KeyStatus } from '../keys/key-status.tsx';

/** Why a request was answered as it was: the reason, what the gate remembers of it, and how its key stands now. */
export function Explain(props: { readonly requestId: string; readonly onClose: () => void }): JSX.Element {
  const { requestId, onClose } = props;
  const explained = useLive(
    (terms) => ask('GET /console/api/explain/:id', { id: requestId, ...terms }),
    requestId,
    null,
  );
  return (
    <Dialog title="Why" onClose={onClose}>
      <p class="quiet">
        Request <code>{requestId}</code>
      </p>
      {explained.problem?.code === 'unknown' ? (
        <Empty title="Nobody remembers this request">
          <span>
            Gates remember the latest requests alone. Ask the gate that answered it:{' '}
            <code>plexgate explain</code>
          </span>
        </Empty>
      ) : (
        <ProblemNotice problem={explained.problem} onRetry={explained.refresh} />
      )}
      {explained.answer === null ? (
        explained.problem === null && <span class="bones" />
      ) : (
        <Explained explanation={explained.answer} />
      )}
    </Dialog>
  );
}

function Explained({ explanation }: { readonly explanation: Explanation }): JSX.Element {
  const { reason, decisions, audit, key } = explanation;
  const row = audit[0];
  return (
    <>
      {reason !== null && (
        <section class="stack tight">
          <div class="row">
            <Tag tone="bad">{reason.reason}</Tag> <span>answered with {reason.status}</span>
          </div>
          <p>{reason.meaning}</p>
        </section>
      )}
      {key !== null && (
        <p>
          Its key <a href={hrefOf('keys', key.key_id)}>{key.name}</a> of {key.owner.id}, as it stands now:{' '}
          <KeyStatus row={key} />
        </p>
      )}
      {decisions.map((decision, i) => (
        <DecisionFacts key={i} decision={decision} />
      ))}
      {decisions.length === 0 && row !== undefined && (
        <Facts
          facts={[
            ['When', instantText(row.at)],
            ['Request', `${row.method ?? ''} ${row.path ?? ''}`],
            ['Route', row.route],
            ['Address', row.address],
            ['Client', row.user_agent],
            ['Outcome', row.outcome],
          ]}
        />
      )}
    </>
  );
}

type Fact = readonly [name: string, value: string | null];

function ms(value: number | null): string {
  return value === null ? '–' : `${value.toFixed(1)} ms`;
}

function DecisionFacts({ decision }: { readonly decision: Decision }): JSX.Element {
  const { timings, dependencies, limits } = decision;
  const keyService = dependencies.key_service;
  return (
    <Facts
      facts={[
        ['Outcome', `${decision.outcome}, ${decision.status}`],
        ['Detail', decision.detail],
        ['When', instantText(decision.received_at)],
        ['Request', `${decision.method} ${decision.path}`],
        ['Address', decision.address],
        ['Route', decision.route],
        ['Tier', decision.tier],
        ['Key known by', decision.layer],
        ...limits.map(({ name, limit, remaining, reset_after_ms: resetMs }): Fact => [
          `Limit ${name}`,
          `${limit}: ${remaining} left, whole again in ${spanText(resetMs)}`,
        ]),
        [
          'Time',
          `decided in ${ms(timings.decision_ms)}, upstream ${ms(timings.upstream_ms)}, in all ${ms(timings.total_ms)}`,
        ],
        ['Key service', keyService === null ? null : `confirmed ${ms(keyService.renewal_age_ms)} before`],
        [
          'Redis',
          dependencies.redis === null
            ? null
            : `keys ${dependencies.redis.keys ?? 'none'}, limits ${dependencies.redis.limits ?? 'none'}`,
        ],
        ['Upstream', dependencies.upstream?.origin ?? null],
      ]}
    />
  );
}

function Facts({ facts }: { readonly facts: readonly Fact[] }): JSX.Element {
  return (
    <dl class="facts">
      {facts
        .filter(([, value]) => value !== null && value !== '')
        .map(([name, value]) => (
          <>
            <dt key={name}>{name}</dt>
            <dd>{value}</dd>
          </>
        ))}
    </dl>
  );
}
