import { problem, type Answer } from './answers.ts';
import type { Call } from './call.ts';
import { createOperator, linkOperator, listOperators, patchOperator } from './console/operator-calls.ts';
import type { Roster } from './console/roster.ts';

/** Operators of the console, for whoever holds the admin token; null: this key service has no console. */
export function operatorCalls(roster: Roster | null): readonly Call[] {
  const known = (answer: (roster: Roster) => Promise<Answer>): Promise<Answer> =>
    roster === null ? Promise.resolve(NO_CONSOLE) : answer(roster);
  return [
    {
      method: 'GET',
      path: '/admin/v1/operators',
      door: 'admin',
      answer: () => known(listOperators),
    },
    {
      method: 'POST',
      path: '/admin/v1/operators',
      door: 'admin',
      action: 'operator.create',
      answer: ({ body, by }) => known((there) => createOperator(there, body, by)),
    },
    {
      method: 'PATCH',
      path: '/admin/v1/operators/:id',
      door: 'admin',
      action: 'operator.patch',
      answer: ({ id, body, by }) => known((there) => patchOperator(there, id, body, by)),
    },
    {
      method: 'POST',
      path: '/admin/v1/operators/:id/link',
      door: 'admin',
      action: 'operator.link',
      answer: ({ id, by }) => known((there) => linkOperator(there, id, by)),
    },
  ];
}

const NO_CONSOLE = problem(409, 'This key service has no console; keyService.console switches it on.');
