import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { parseInstant } from '../../src/core/instant.ts';
import { openApiDocument } from '../../src/key-service/openapi/document.ts';
import { calls } from '../../src/key-service/calls.ts';
import type { KeyService } from '../../src/key-service/keys.ts';

interface Documented {
  readonly paths: Readonly<Record<string, Readonly<Record<string, OperationJson>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

export interface OperationJson {
  readonly operationId: string;
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly schema: object }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Content>> };
  readonly responses: Readonly<Record<string, { readonly content: Readonly<Record<string, Content>> }>>;
}

interface Content {
  readonly schema: object;
  readonly example?: unknown;
}

const log = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** The document of all calls. A call's answer is not asked for, so that no key service is needed. */
export const DOCUMENT = openApiDocument(calls({ history: null } as unknown as KeyService, log)) as Documented;

const ajv = new Ajv2020({ strict: false, allErrors: true });
ajv.addFormat('date-time', (text) => parseInstant(text) !== null);
ajv.addSchema({ $id: 'https://plexgate.test/document', components: DOCUMENT.components });
const validators = new Map<object, ValidateFunction>();

/** What a value has against a schema of the document; empty where it agrees. */
export function disagreements(schema: object, value: unknown): string[] {
  let validate = validators.get(schema);
  if (validate === undefined) {
    const text = JSON.stringify(schema).replaceAll(
      '"#/components',
      '"https://plexgate.test/document#/components',
    );
    validate = ajv.compile(JSON.parse(text) as object);
    validators.set(schema, validate);
  }
  return validate(value)
    ? []
    : (validate.errors ?? []).map((error) => `${error.instancePath} ${error.message}`);
}

/** The operation that a request is one of; null where the document has none. */
export function operationOf(method: string, url: string): OperationJson | null {
  const path = url.replace(/\?.*$/, '');
  const at = Object.keys(DOCUMENT.paths).find((template) => patternOf(template).test(path));
  return at === undefined ? null : (DOCUMENT.paths[at]?.[method.toLowerCase()] ?? null);
}

/** Where two templates fit, the one without a parameter comes first in the table of calls only by chance. */
function patternOf(template: string): RegExp {
  const words = template.replaceAll('.', String.raw`\.`);
  return new RegExp(
    `^${words.replace('{id}', template.endsWith('/keys/{id}') ? '(?!import$)[^/]*' : '[^/]*')}$`,
  );
}

/** Whether the document says that a request may be answered like this, status, type and body. */
export function againstDocument(
  method: string,
  url: string,
  answer: { readonly status: number; readonly type: string | null; readonly body: unknown },
): string[] {
  const operation = operationOf(method, url);
  // No such call: a refusal of the server, and not of any operation.
  if (operation === null) return [];
  const response = operation.responses[answer.status];
  if (response === undefined) return [`${answer.status} is not documented`];
  const content = response.content[(answer.type ?? '').replace(/;.*$/, '')];
  return content === undefined
    ? [`${answer.status} is documented with another type than ${answer.type}`]
    : disagreements(content.schema, answer.body);
}
