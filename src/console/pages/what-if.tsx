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

/** Rates make counts again: each holds for the step before it. */
function countOf(rates: readonly (number | null)[], stepMs: number): string {
  const sum = rates.reduce<number>((sum, rate) => sum + (rate ?? 0), 0);
  return figureText(Math.round((sum * stepMs) / 1000));
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
          Shadow limits count like real ones and refuse nobody. What those of a tier would have refused of
          what was let through stands here beside what its limits refused.
        </p>
        <ProblemNotice problem={whatIf.problem} onRetry={whatIf.refresh} />
        {answer === null && whatIf.problem === null && <span class="bones" />}
        {answer !== null && answer.limits.length === 0 && (
          <div class="card">
            <Empty title="No shadow limit would have refused anything">
              <span>
                State the limit of tomorrow as a shadow of a tier today, such as <code>shadow 50/minute</code>
                : it shows here within seconds of the first request that it would have refused.
              </span>
            </Empty>
          </div>
        )}
        <div class="grid">
          {answer?.limits.map(({ name, refused, would_refuse: would }) => (
            <Plot
              key={name}
              title={name}
              about={`${countOf(would, answer.step_ms)} would have been refused, ${countOf(refused, answer.step_ms)} were`}
              unit="per second"
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
