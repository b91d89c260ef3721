import type { JSX } from 'preact';
import { ask } from '../api/ask.ts';
import { useLive } from '../api/live.ts';
import { PageHead } from '../parts/page-head.tsx';
import { figureText, Plot } from '../parts/plot.tsx';
import { ProblemNotice } from '../parts/problem.tsx';
import { Empty } from '../parts/tag.tsx';
import type { Place } from '../routes.ts';
import { RangeField, secondsOf } from './traffic.tsx';

const EVERY_MS = 2_000;

function sum(values: readonly (number | null)[]): number {
  return values.reduce<number>((sum, value) => sum + (value ?? 0), 0);
}

/** Limits that are tried out, beside those in force: what they would refuse, before they refuse anybody. */
export function WhatIf({ place }: { readonly place: Place }): JSX.Element {
  const seconds = secondsOf(place);
  const whatIf = useLive(
    (terms) => ask('GET /console/api/what-if', { query: { seconds: Number(seconds) }, ...terms }),
    seconds,
    EVERY_MS,
  );
  const answer = whatIf.answer;
  return (
    <>
      <PageHead title="What if">
        <RangeField place={place} />
      </PageHead>
      <div class="stack">
        <p class="quiet">
          Shadow limits count like real ones and refuse nobody. Each stands here beside what was refused in
          truth.
        </p>
        <ProblemNotice problem={whatIf.problem} onRetry={whatIf.refresh} />
        {answer === null && whatIf.problem === null && <span class="bones" />}
        {answer !== null && answer.limits.length === 0 && (
          <div class="card">
            <Empty title="No shadow limit has counted anything">
              <span>
                State the limit of tomorrow as a shadow of a tier today, such as <code>shadow 50/minute</code>
                . Each gate counts what it would have refused in the metric{' '}
                <code>plexgate_ratelimit_decisions_total</code> with the result <code>shadow</code>; it shows
                here as soon as gates report it to this key service.
              </span>
            </Empty>
          </div>
        )}
        <div class="grid">
          {answer?.limits.map(({ name, refused, would_refuse: would }) => (
            <Plot
              key={name}
              title={name}
              about={`${figureText(sum(would))} would be refused, ${figureText(sum(refused))} were refused`}
              unit="requests"
              at={answer.at}
              lines={[
                { name: 'refused', values: refused },
                { name: 'would refuse', values: would },
              ]}
              empty="Nothing of it in this range."
            />
          ))}
        </div>
      </div>
    </>
  );
}
