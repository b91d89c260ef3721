import type { Answer, Conversation } from './conversation.ts';
import type { Judgement, Seen } from './judgement.ts';

/** What the reference expects of an input. */
export interface Expectation {
  /** Of the whole requests, in their order, as far as any may be answered. */
  readonly judgements: readonly Judgement[];
  /** Of the request that breaks off behind them, if its head is whole. */
  readonly broken: Judgement | null;
  /** Whether anything follows the whole requests. */
  readonly breaksOff: boolean;
}

/** What gate and reference differ in; null where they agree. */
export function difference(
  { judgements, broken, breaksOff }: Expectation,
  { answers, trouble }: Conversation,
  taken: { readonly whole: readonly Seen[]; readonly broken: readonly string[] },
): string | null {
  if (trouble !== null) return trouble;
  const served = servedOf(judgements, answers);
  if (typeof served === 'string') return served;
  const seen = judgements.slice(0, served).flatMap((judgement) => judgement.seen ?? []);
  if (!isSame(taken.whole, seen)) return `the upstream saw ${show(taken.whole)} instead of ${show(seen)}`;
  const wasEnded = served < judgements.length || judgements[served - 1]?.ends === 'must';
  const rest = answers.slice(served);
  if (rest.length > (breaksOff && !endedBefore(answers, served) ? 1 : 0))
    return `answers that nobody asked for: ${show(rest)}`;
  const [last] = rest;
  if (last !== undefined && ![400, broken?.status].includes(last.status))
    return `the rest is answered ${last.status}`;
  if (last !== undefined && wasEnded) return 'an answer behind the end of the connection';
  const begun = wasEnded ? undefined : broken?.seen?.start;
  const odd = taken.broken.find((start) => start !== begun);
  return odd === undefined ? null : `the upstream saw the beginning of ${odd}`;
}

/** How many of the judgements were answered as they say; or what is wrong. */
function servedOf(judgements: readonly Judgement[], answers: readonly Answer[]): number | string {
  for (const [i, { status, otherwise, seen, ends }] of judgements.entries()) {
    const answer = answers[i];
    if (answer === undefined)
      return `request ${i + 1} of ${judgements.length} is not answered; expected ${status}`;
    if (answer.status !== status && answer.status !== otherwise)
      return `request ${i + 1} is answered ${answer.status}; expected ${status}`;
    if (seen !== null && !seen.start.startsWith('HEAD ') && answer.body !== seen.start.split(' ')[1]) {
      return `request ${i + 1} has the answer of another: ${show(answer.body)}`;
    }
    if (ends === 'must' && !answer.ends) return `request ${i + 1} should end the connection`;
    if (ends === 'no' && answer.ends) return `request ${i + 1} should not end the connection`;
    if (answer.ends) return i + 1;
  }
  return judgements.length;
}

function endedBefore(answers: readonly Answer[], served: number): boolean {
  return answers[served - 1]?.ends === true;
}

function isSame(one: readonly Seen[], other: readonly Seen[]): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function show(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 600 ? `${text.slice(0, 600)}...` : text;
}
