import type { Outcome } from './run-trial.ts';
import { spreadOf } from './offers.ts';
import { isJudged, percent, type Verdict } from './verdict.ts';

const HEAD = [
  'mode',
  'limit',
  'of',
  'load',
  'offered',
  'accepted',
  'worst window',
  'used, of possible, load',
  'calls/100',
];
const WIDTHS = [7, 11, 6, 9, 8, 9, 13, 60, 10];

/** A trial as people read it. */
export function tableOf(outcome: Outcome): string {
  const { trial, verdicts, obeyed, failures } = outcome;
  return [
    `${trial.name}: ${circumstancesOf(outcome)}`,
    row(HEAD),
    ...verdicts.map((verdict) => row(cellsOf(verdict, outcome))),
    ...obeyed.map(
      ({ plan, requests, waits, refused }) =>
        `  alone on ${plan.account.limits.join(', ')} and obeys ${plan.heeds}: ${requests} requests, ${waits} waits, ${refused} refusals`,
    ),
    ...verdicts.flatMap(({ promised, offer, used }) =>
      used
        .filter((one) => !isJudged(one))
        .map(
          ({ period, arrived }) =>
            `  not judged: ${promised.text}, ${spreadOf(offer)}, ${period.name}: only ${arrived.toFixed(1)} times the limit arrived`,
        ),
    ),
    ...verdicts.flatMap(({ promised, offer, taken }) => {
      const unknown = outcome.trial.mayBeUnknown ? (taken.statuses.get(503) ?? 0) : 0;
      return unknown === 0
        ? []
        : [
            `  ${promised.text}, ${spreadOf(offer)}: ${unknown} of ${taken.offered} were 503, as no gate could know`,
          ];
    }),
    ...failures.map(({ what, mayBeTheMachine }) => `  ${mayBeTheMachine ? 'SHORT' : 'FAILED'} ${what}`),
    '',
  ].join('\n');
}

function circumstancesOf({ trial, requests, lost, lateMs, clockErrorMs, exceptions }: Outcome): string {
  const shifts = trial.clockShiftsMs
    .filter((ms) => ms !== 0)
    .map((ms) => `${ms > 0 ? '+' : ''}${ms / 1000} s`);
  const gates = trial.clockShiftsMs.length;
  return [
    `${gates} ${gates === 1 ? 'gate' : 'gates'}`,
    ...(shifts.length === 0 ? [] : [`clocks off by ${shifts.join(', ')}`]),
    `${requests} requests, sent at most ${lateMs.toFixed(0)} ms late`,
    ...trial.happenings.map(({ atMs, what }) => `${atMs / 1000} s: ${what}`),
    ...(lost === 0 ? [] : [`${lost} calls or replies lost`]),
    ...[...exceptions].map(([name, count]) => `exceptions ${name}: ${count}`),
    `instants to ${(clockErrorMs * 1000).toFixed(0)} us`,
  ].join('; ');
}

function cellsOf({ promised, offer, taken, worst, used }: Verdict, outcome: Outcome): string[] {
  const shares = used.map(
    ({ share, ofPossible, arrived }) => `${percent(share)} ${percent(ofPossible)} ${arrived.toFixed(1)}x`,
  );
  const calls = outcome.callsPerHundred;
  return [
    outcome.trial.mode,
    promised.text,
    promised.whose,
    spreadOf(offer),
    String(taken.offered),
    String(taken.logged + taken.witnessed),
    `${worst.accepted}/${promised.limit.quota}`,
    shares.join(' | ') || '-',
    calls === null ? '-' : calls.toFixed(1),
  ];
}

function row(cells: readonly string[]): string {
  return `  ${cells.map((cell, i) => (i < 4 ? cell.padEnd(WIDTHS[i] ?? 0) : cell.padStart(WIDTHS[i] ?? 0))).join(' ')}`;
}
