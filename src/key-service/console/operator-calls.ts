import { instantText } from '../../core/instant.ts';
import { invalid, problem, type Answer } from '../answers.ts';
import { reading } from '../call.ts';
import { readNewOperator, readOperatorPatch } from '../requests/console.ts';
import type { Actor } from '../store/ledger.ts';
import type { StoredOperator } from '../store/operators.ts';
import type { Answers } from './call.ts';
import { operatorToJson, type MadeLink, type Roster } from './roster.ts';

type OperatorCallName =
  | 'GET /console/api/operators'
  | 'POST /console/api/operators'
  | 'PATCH /console/api/operators/:id'
  | 'POST /console/api/operators/:id/link';

export function operatorCalls(roster: Roster): Answers<OperatorCallName> {
  return {
    'GET /console/api/operators': { answer: () => listOperators(roster) },
    'POST /console/api/operators': {
      action: 'operator.create',
      answer: ({ body, by }) => createOperator(roster, body, by),
    },
    'PATCH /console/api/operators/:id': {
      action: 'operator.patch',
      answer: ({ id, body, by }) => patchOperator(roster, id, body, by),
    },
    'POST /console/api/operators/:id/link': {
      action: 'operator.link',
      answer: ({ id, by }) => linkOperator(roster, id, by),
    },
  };
}

/** The four that the console and the admin API have in common. */
export async function listOperators(roster: Roster): Promise<Answer> {
  return { status: 200, body: { operators: (await roster.list()).map(operatorToJson) } };
}

export function createOperator(roster: Roster, body: unknown, by: Actor): Promise<Answer> {
  return reading(readNewOperator, body, async (draft) => {
    const outcome = await roster.create(draft, by);
    if (outcome.kind === 'invalid') return invalid(outcome.errors);
    return outcome.kind === 'taken'
      ? problem(409, 'There is an operator by this email.')
      : madeLink(outcome.operator, outcome);
  });
}

export function patchOperator(roster: Roster, id: string, body: unknown, by: Actor): Promise<Answer> {
  return reading(readOperatorPatch, body, async (change) => {
    const outcome = await roster.change(id, change, by);
    if (outcome.kind === 'invalid') return invalid(outcome.errors);
    if (outcome.kind === 'unknown') return NO_SUCH_OPERATOR;
    return outcome.kind === 'last_admin'
      ? problem(409, 'Nobody else could let operators in again: make another admin first.')
      : { status: 200, body: operatorToJson(outcome.operator) };
  });
}

export async function linkOperator(roster: Roster, id: string, by: Actor): Promise<Answer> {
  const outcome = await roster.newLink(id, by);
  if (outcome.kind === 'unknown') return NO_SUCH_OPERATOR;
  return outcome.kind === 'disabled'
    ? problem(409, 'The operator is disabled; enable them first.')
    : madeLink(outcome.operator, outcome);
}

const NO_SUCH_OPERATOR = problem(404, 'No operator has this id.');

function madeLink(operator: StoredOperator, { link, endsAt }: MadeLink): Answer {
  return { status: 201, body: { operator: operatorToJson(operator), link, ends_at: instantText(endsAt) } };
}
