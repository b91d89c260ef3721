import { ownerToJson } from '../../core/wire-json.ts';
import { invalid, pageJson, problem } from '../answers.ts';
import { reading } from '../call.ts';
import type { KeyService } from '../keys.ts';
import { readOwnerQuery } from '../requests/console.ts';
import type { Answers } from './call.ts';

export function ownerCalls(
  service: KeyService,
): Answers<'GET /console/api/owners' | 'GET /console/api/owners/:id'> {
  return {
    'GET /console/api/owners': {
      answer: ({ query }) =>
        reading(readOwnerQuery, query, async ({ search, ...page }) => {
          const outcome = await service.listOwners(page, search);
          if (outcome.kind === 'invalid') return invalid(outcome.errors);
          const owners = outcome.owners.map(ownerToJson);
          const pagination = pageJson(outcome.page, outcome.total, owners.length);
          return { status: 200, body: { owners, pagination } };
        }),
    },
    'GET /console/api/owners/:id': {
      answer: async ({ id }) => {
        const owner = await service.showOwner(id);
        return owner === null
          ? problem(404, 'No owner has this id.')
          : { status: 200, body: ownerToJson(owner) };
      },
    },
  };
}
