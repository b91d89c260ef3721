import { ROLES } from '../console/wire.ts';
import { jsonSchemaOf } from '../requests/json-schema.ts';
import { newOperatorBody, operatorPatchBody } from '../requests/console.ts';
import { component, INVALID, ok, refused, type Operations } from './operation.ts';
import { flag, instant, listOf, object, oneOf, orNull, ref, text } from './schema.ts';

const OPERATOR_ID = 'The id of the operator.';
const NO_CONSOLE = 'This key service has no console';
const NO_OPERATOR = refused('No operator has this id.');

/** Who may sign in to the console, for the holder of the admin token. */
export const OPERATOR_OPERATIONS: Operations = {
  'GET /admin/v1/operators': {
    id: 'listOperators',
    tag: 'operators',
    summary: 'Operators, by email',
    answers: {
      200: ok(object({ operators: listOf(ref('Operator')) }), 'All of them.'),
      409: refused(`${NO_CONSOLE}.`),
    },
  },
  'POST /admin/v1/operators': {
    id: 'createOperator',
    tag: 'operators',
    summary: 'Makes an operator and shows the link to begin with, this once',
    body: jsonSchemaOf(newOperatorBody),
    example: { email: 'ada@example.com', role: 'admin' },
    answers: {
      201: component('OperatorLink', 'The operator, and the link.'),
      409: refused(`There is an operator by this email, or: ${NO_CONSOLE}.`),
      422: INVALID,
    },
  },
  'PATCH /admin/v1/operators/:id': {
    id: 'patchOperator',
    tag: 'operators',
    summary: 'Changes the role of an operator, disables or enables them; their sessions end',
    path: OPERATOR_ID,
    body: jsonSchemaOf(operatorPatchBody),
    example: { enabled: false },
    answers: {
      200: component('Operator', 'The operator as they are now.'),
      404: NO_OPERATOR,
      409: refused(`No enabled admin would be left, or: ${NO_CONSOLE}.`),
      422: INVALID,
    },
  },
  'POST /admin/v1/operators/:id/link': {
    id: 'linkOperator',
    tag: 'operators',
    summary: 'Makes a new link for who has lost password or authenticator, and shows it, this once',
    path: OPERATOR_ID,
    answers: {
      201: component('OperatorLink', 'The operator, and the link.'),
      404: NO_OPERATOR,
      409: refused(`The operator is disabled, or: ${NO_CONSOLE}.`),
    },
  },
};

export const OPERATOR_COMPONENTS = {
  Operator: object({
    id: text('Of the operator.', { examples: ['op_...'] }),
    email: text('In small letters.'),
    role: oneOf(ROLES, 'Each may all that the one before may.'),
    enabled: flag('False: may not sign in.'),
    is_enrolled: flag('False: the link has not been used yet.'),
    created_at: instant('When the operator was made.'),
    last_sign_in_at: orNull(instant('When the last session began.')),
  }),
  OperatorLink: object({
    operator: ref('Operator'),
    link: text('Good once and for an hour; whoever opens it becomes the operator.'),
    ends_at: instant('When it is over.'),
  }),
};
