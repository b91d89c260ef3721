import { IDENTITY_HEADERS } from '../../src/core/forward-headers.ts';
import { valuesOf, type HeaderLine, type MessageHead } from '../support/http-message.ts';
import { exchange, requestBytes } from '../support/raw-client.ts';
import type { RecordedRequest } from '../support/upstream.ts';
import type { ForwardAuthCase } from './cases.ts';
import type { Door } from './doors.ts';

/** What client and service saw of a request, as far as the gate has a say in it. */
export interface Seen {
  readonly status: number;
  readonly headers: Readonly<Record<string, readonly string[]>>;
  readonly body: string;
  readonly service: {
    readonly target: string;
    readonly method: string;
    readonly body: string;
    readonly headers: Readonly<Record<string, readonly string[]>>;
  } | null;
}

const TOLD = [
  'content-type',
  'cache-control',
  'www-authenticate',
  'retry-after',
  'ratelimit',
  'ratelimit-policy',
  'x-ratelimit-limit',
  'x-ratelimit-remaining',
  'x-ratelimit-reset',
  'x-request-id',
  'x-auth-status',
  'x-auth-refusal',
  'allow',
];
const OURS = [
  ...IDENTITY_HEADERS,
  'authorization',
  'x-api-key',
  'x-http-method-override',
  'x-method-override',
  'x-original-url',
  'x-rewrite-url',
];

export async function play(door: Door, which: ForwardAuthCase, requestId: string): Promise<Seen> {
  const { fixtures, upstream } = door.stage;
  const fill = (text: string): string => fixtures.fill(text);
  const lines = (which.headers ?? [['x-api-key', '{S}']]).map(([name, value]): HeaderLine => [
    name,
    fill(value),
  ]);
  const hasHost = lines.some(([name]) => name === 'Host');
  const bytes = requestBytes({
    method: which.method ?? 'GET',
    target: which.target ?? '/models',
    headers: [...(hasHost ? [] : [['Host', 'gate.test'] as const]), ...lines, ['X-Request-Id', requestId]],
    body: which.body ?? '',
  });
  for (let i = 1; i < (which.times ?? 1); i++) await exchange(door.port, bytes);
  const before = upstream.requests.length;
  const answer = await exchange(door.port, bytes);
  const arrived = upstream.requests.slice(before);
  if (arrived.length > 1) throw new Error('the service got it twice');
  return {
    status: answer.status,
    headers: headersOf(answer, TOLD),
    body: answer.body.toString(),
    service: arrived[0] === undefined ? null : serviceOf(arrived[0]),
  };
}

function serviceOf(request: RecordedRequest): Seen['service'] {
  const { target, method } = request;
  const odd = request.headers
    .filter(([name, value]) => /[^A-Za-z0-9-]/.test(name) || value.includes('evil'))
    .map(([name]) => name);
  return {
    target,
    method,
    body: request.body.toString(),
    headers: {
      ...headersOf(request, OURS),
      'x-plexgate-identity': valuesOf(request, 'x-plexgate-identity').filter(isThere).map(claimsIn),
      odd,
    },
  };
}

const isThere = (value: string): boolean => value !== '';

/** An empty header tells what none does. Moments are numbers that differ from run to run. */
function headersOf(head: MessageHead, names: readonly string[]): Record<string, readonly string[]> {
  const headers: Record<string, readonly string[]> = {};
  for (const name of names) {
    const values = valuesOf(head, name).filter(isThere);
    if (values.length === 0) continue;
    headers[name] = values.map((value) =>
      /reset|retry-after|^ratelimit$/.test(name) ? value.replace(/(t=|^)\d+/g, '$1(a number)') : value,
    );
  }
  return headers;
}

/** Of an assertion, what is the same whenever it is made; any other text as it is. */
function claimsIn(value: string): string {
  const [, payload, signature] = value.split('.');
  if (payload === undefined || signature === undefined) return value;
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>;
  return JSON.stringify({ ...claims, iat: 0, exp: 0, jti: '' });
}

/** Ids of keys are other ones at each gate. */
export function withoutIds(seen: Seen, door: Door): Seen {
  let text = JSON.stringify(seen);
  const names = ['S', 'SRO', 'RW', 'PRW', 'RO', 'MS', 'T1'];
  for (const name of names) {
    text = text.replaceAll(door.stage.fixtures.fill(`{${name}.id}`), `(id of ${name})`);
    text = text.replaceAll(door.stage.fixtures.fill(`{${name}}`), `(key ${name})`);
  }
  return JSON.parse(text) as Seen;
}
