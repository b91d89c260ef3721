import type { Call, Door } from '../call.ts';
import type { JsonSchema } from '../requests/json-schema.ts';
import { ADMIN_OPERATIONS } from './admin-operations.ts';
import { COMPONENTS } from './components.ts';
import { GATE_OPERATIONS } from './gate-operations.ts';
import { OPERATOR_COMPONENTS, OPERATOR_OPERATIONS } from './operator-operations.ts';
import { refused, type DocumentedAnswer, type Operation, type Operations, type Tag } from './operation.ts';
import { PLEXE_COMPONENTS, PLEXE_OPERATIONS } from './plexe-operations.ts';
import { PLEXMCP_COMPONENTS, PLEXMCP_OPERATIONS } from './plexmcp-operations.ts';
import { ref } from './schema.ts';

/** Of the API, not of the program: it changes with what is promised here. */
const VERSION = '1.0.0';

const INTRODUCTION = `
The HTTP interface of Plexgate's key service.

**A key service of your own** can stand in its place: a gate needs nothing but the calls tagged \`gates\`, and of these only
\`resolve\`. \`renew\` adds revocation that is certain when it says so, and caches that stay warm; \`report\` adds usage and
audit. What each has to do is said there. Answers may have more fields than are listed; callers ignore those that they do
not know, and every listed field is there unless it is said to be optional.

The web console under \`/console\` has calls of its own. They are for its page alone and may change with any version, so
they are not described here.

Bodies are JSON. Durations are whole milliseconds, instants RFC 3339, numbers of changes whole and below 2^53.`;

const TAGS: Readonly<Record<Tag, string>> = {
  gates: 'What gates ask. A key service of your own offers these, `resolve` at least.',
  members: 'The gates as members of a fleet.',
  owners: 'Who is billed: accounts, workspaces, organizations.',
  keys: 'Keys, for administrators.',
  history: 'What happened.',
  operators: 'Who may sign in to the console.',
  plexe: "The endpoints of Plexe. They come through a gate, which vouches for the caller's key.",
  plexmcp: "The endpoints of PlexMCP. They come through a gate, which vouches for the caller's key.",
  health: 'For whoever runs the key service.',
};

export const OPERATIONS: Operations = {
  ...GATE_OPERATIONS,
  ...ADMIN_OPERATIONS,
  ...OPERATOR_OPERATIONS,
  ...PLEXE_OPERATIONS,
  ...PLEXMCP_OPERATIONS,
};

/** OpenAPI 3.1 of these calls. Throws where one of them is not described. */
export function openApiDocument(calls: readonly Call[]): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const call of calls) {
    const operation = OPERATIONS[`${call.method} ${call.path}`];
    if (operation === undefined) throw new Error(`${call.method} ${call.path} is not described`);
    const path = call.path.replace(':id', '{id}');
    paths[path] = { ...paths[path], [call.method.toLowerCase()]: operationJson(call, operation) };
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'Plexgate key service',
      version: VERSION,
      description: INTRODUCTION.trim(),
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/', description: 'Wherever the key service listens.' }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      schemas: { ...COMPONENTS, ...OPERATOR_COMPONENTS, ...PLEXE_COMPONENTS, ...PLEXMCP_COMPONENTS },
      securitySchemes: {
        service: { type: 'http', scheme: 'bearer', description: 'The service token, which gates hold.' },
        admin: { type: 'http', scheme: 'bearer', description: 'The admin token.' },
      },
    },
  };
}

function operationJson(call: Call, operation: Operation): object {
  const { id, tag, summary, description, body, example } = operation;
  const answers = { ...commonAnswers(call.door, body !== undefined, operation), ...operation.answers };
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description: description.trim() }),
    security: call.door === 'anyone' ? [] : [{ [call.door]: [] }],
    parameters: [...pathParameters(operation), ...queryParameters(operation.query), ...identityHeaders(tag)],
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: { 'application/json': { schema: body, ...shown(example) } },
          },
        }),
    responses: Object.fromEntries(
      Object.entries(answers).map(([status, answer]) => [status, answerJson(answer, tag)]),
    ),
  };
}

/** What any call of its kind may answer. */
function commonAnswers(door: Door, hasBody: boolean, { query }: Operation): Record<number, DocumentedAnswer> {
  return {
    ...(hasBody || query !== undefined
      ? {
          400: refused(
            'Not a request of this kind: fields are missing or of the wrong type, or the body is not JSON.',
          ),
        }
      : {}),
    ...(door === 'anyone' ? {} : { 401: refused('The token is missing or not accepted.') }),
    ...(hasBody
      ? { 413: refused('The body is too large.'), 415: refused('The body is not application/json.') }
      : {}),
    500: refused('The key service failed; its log says why.'),
  };
}

/** Refusals are written as the API of the call writes them. */
const REFUSALS: Partial<Record<Tag, readonly [type: string, schema: string]>> = {
  plexe: ['application/json', 'PlexeError'],
  plexmcp: ['application/json', 'PlexmcpError'],
};

function answerJson({ description, schema, example, headers }: DocumentedAnswer, tag: Tag): object {
  const [type, component] = REFUSALS[tag] ?? ['application/problem+json', 'Problem'];
  const content =
    schema === null
      ? { [type]: { schema: ref(component) } }
      : { 'application/json': { schema, ...shown(example) } };
  return { description, ...(headers === undefined ? {} : { headers }), content };
}

function shown(example: object | undefined): object {
  return example === undefined ? {} : { example };
}

function pathParameters({ path }: Operation): object[] {
  if (path === undefined) return [];
  return [{ name: 'id', in: 'path', required: true, description: path, schema: { type: 'string' } }];
}

function queryParameters(query: JsonSchema = {}): object[] {
  const { properties = {} } = query as { properties?: Readonly<Record<string, JsonSchema>> };
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: 'query',
    ...(description === undefined ? {} : { description }),
    schema,
  }));
}

/** How a gate vouches for the key of a request that it passes on. */
const IDENTITY_HEADERS: Readonly<Record<string, string>> = {
  'X-Key-Id': 'The key of the caller.',
  'X-Owner-Id': 'Whose key that is.',
  'X-Permission-Level': 'What it may do.',
};

function identityHeaders(tag: Tag): object[] {
  if (REFUSALS[tag] === undefined) return [];
  return Object.entries(IDENTITY_HEADERS).map(([name, description]) => ({
    name,
    in: 'header',
    required: true,
    description: `${description} Set by the gate, together with the service token.`,
    schema: { type: 'string' },
  }));
}
