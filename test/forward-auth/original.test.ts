import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { valuesOf, type HeaderLine } from '../support/http-message.ts';
import type { Stage } from '../support/stage.ts';
import { ask, forwarded, KEY, original, READER, reasonOf, startAskedGate, type Question } from './asking.ts';

type Row = readonly [title: string, question: Question, status: number, reason?: string];

const without = (lines: readonly HeaderLine[], name: string): HeaderLine[] =>
  lines.filter(([own]) => own !== name);
const UNCLEAR = 'unclear_original_request';
const BAD = 'malformed_request';

/** Refused where a line of the family is missing, empty or there twice. */
const unclear = (lines: readonly HeaderLine[], names: readonly string[]): Row[] =>
  names.flatMap((name): Row[] => [
    [`without ${name}`, { headers: without(lines, name) }, 403, UNCLEAR],
    [`with an empty ${name}`, { headers: [...without(lines, name), [name, '']] }, 403, UNCLEAR],
    [
      `with ${name} twice`,
      { headers: [...lines, [name, lines.find(([own]) => own === name)?.[1] ?? '']] },
      403,
      UNCLEAR,
    ],
  ]);

const IN_X_ORIGINAL: readonly Row[] = [
  ['that reads', { headers: original([READER]) }, 200],
  ['below /authorize', { target: '/authorize/any?x=1', headers: original([READER]) }, 200],
  ['asked with POST', { method: 'POST', headers: original([READER]) }, 200],
  ['asked with a body', { method: 'POST', body: 'a body', headers: original([READER]) }, 200],
  ['that writes', { headers: original([READER], { method: 'POST' }) }, 403, 'method_not_permitted'],
  ['that writes with a key for it', { headers: original([KEY], { method: 'POST' }) }, 200],
  ['at an open path', { headers: original([], { uri: '/health' }) }, 200],
  ['without a key', { headers: original() }, 401, 'missing_credential'],
  ...unclear(original([KEY]), [
    'X-Original-Method',
    'X-Original-URI',
    'X-Original-Host',
    'X-Original-Address',
  ]),
  ['whose address is none', { headers: original([KEY], { address: 'unix:' }) }, 403, UNCLEAR],
  [
    'whose method only another family tells',
    { headers: [...without(original([READER]), 'X-Original-Method'), ['X-Forwarded-Method', 'GET']] },
    403,
    UNCLEAR,
  ],
  [
    'that another family calls something else',
    {
      headers: original(
        [
          READER,
          ['X-Forwarded-Method', 'GET'],
          ['X-Forwarded-Uri', '/health'],
          ['X-Forwarded-Host', 'other.test'],
        ],
        { method: 'DELETE' },
      ),
    },
    403,
    'method_not_permitted',
  ],
  [
    'that another spelling calls something else',
    { headers: original([READER, ['X_Original_Method', 'GET']], { method: 'DELETE' }) },
    403,
    'method_not_permitted',
  ],
  ['by two methods in one line', { headers: original([KEY], { method: 'GET, GET' }) }, 400, BAD],
  ['by a method in small letters', { headers: original([KEY], { method: 'get' }) }, 400, BAD],
  ['by a method nobody knows', { headers: original([KEY], { method: 'FETCH' }) }, 400, BAD],
  ['by TRACE', { headers: original([KEY], { method: 'TRACE' }) }, 405, 'method_not_allowed'],
  ['with dot segments', { headers: original([KEY], { uri: '/orders/../health' }) }, 400, BAD],
  ['with encoded dot segments', { headers: original([KEY], { uri: '/x/%2e%2e/health' }) }, 400, BAD],
  ['with a doubled slash', { headers: original([], { uri: '//health' }) }, 400, BAD],
  ['with an encoded slash', { headers: original([], { uri: '/%2fhealth' }) }, 400, BAD],
  ['with a fragment', { headers: original([KEY], { uri: '/orders#health' }) }, 400, BAD],
  ['in absolute form', { headers: original([KEY], { uri: 'http://gate.test/orders' }) }, 200],
  ['in absolute form of another host', { headers: original([KEY], { uri: 'http://a.test/' }) }, 400, BAD],
  ['of no host', { headers: original([KEY], { host: 'a b' }) }, 400, BAD],
  ['of two hosts', { headers: original([KEY], { host: 'a.test, b.test' }) }, 400, BAD],
  ['with an upgrade', { headers: original([READER, ['X-Original-Upgrade', 'websocket']]) }, 403],
  [
    "with an upgrade that is the question's",
    { headers: original([READER, ['Upgrade', 'WebSocket'], ['Connection', 'upgrade, close']]) },
    403,
  ],
  ['with the key of a WebSocket', { headers: original([READER, ['Sec-WebSocket-Key', 'x']]) }, 403],
  [
    'with an upgrade and a key for it',
    { headers: original([KEY, ['X-Original-Upgrade', 'websocket']]) },
    200,
  ],
  ['with an upgrade to h2c', { headers: original([KEY, ['X-Original-Upgrade', 'h2c']]) }, 400, BAD],
  [
    'with two upgrades',
    {
      headers: original([
        KEY,
        ['Upgrade', 'websocket'],
        ['X-Original-Upgrade', 'h2c'],
        ['Connection', 'close'],
      ]),
    },
    400,
    BAD,
  ],
  [
    'with an override of its method',
    { headers: original([READER, ['X-HTTP-Method-Override', 'POST']]) },
    400,
    BAD,
  ],
  ['with an override of its path', { headers: original([KEY, ['X-Rewrite-URL', '/health']]) }, 400, BAD],
  [
    'with another spelling of an identity header',
    { headers: original([KEY, ['X_Key_Id', 'evil']]) },
    400,
    BAD,
  ],
  ['with another spelling of a key header', { headers: original([KEY, ['x.api.key', '{SRO}']]) }, 400, BAD],
  [
    'with two keys',
    { headers: original([KEY, ['Authorization', 'Bearer {SRO}']]) },
    400,
    'conflicting_credentials',
  ],
];

const IN_X_FORWARDED: readonly Row[] = [
  ['that reads', { headers: forwarded([READER]) }, 200],
  ['that writes', { headers: forwarded([READER], { method: 'PUT' }) }, 403, 'method_not_permitted'],
  ...unclear(forwarded([KEY]), ['X-Forwarded-Method', 'X-Forwarded-Uri', 'X-Forwarded-Host']),
  ['without an address', { headers: without(forwarded([KEY]), 'X-Forwarded-For') }, 403, UNCLEAR],
  [
    'whose method only another family tells',
    { headers: [...without(forwarded([READER]), 'X-Forwarded-Method'), ['X-Original-Method', 'GET']] },
    403,
    UNCLEAR,
  ],
  // As Traefik asks: GET, the client's headers without those of the connection, and its own five.
  [
    'of a WebSocket whose Upgrade was taken off',
    { headers: forwarded([READER, ['Sec-WebSocket-Version', '13'], ['Sec-WebSocket-Key', 'x']]) },
    403,
  ],
  [
    'with an upgrade told by the proxy',
    { headers: forwarded([READER, ['X-Forwarded-Upgrade', 'websocket']]) },
    403,
  ],
];

const FOR: HeaderLine = ['X-Forwarded-For', '192.0.2.1, 127.0.0.1'];
const HOST: HeaderLine = ['Host', 'gate.test'];

/** As Envoy asks with path_prefix: the original's method and Host, its path and query behind the prefix. */
const IN_ENVOY: readonly Row[] = [
  ['that reads', { target: '/authorize/orders?a=1', headers: [HOST, FOR, READER] }, 200],
  [
    'that writes',
    { method: 'POST', target: '/authorize/orders', headers: [HOST, FOR, READER] },
    403,
    'method_not_permitted',
  ],
  ['at an open path', { target: '/authorize/health', headers: [HOST, FOR] }, 200],
  ['with a doubled slash', { target: '/authorize//health', headers: [HOST, FOR] }, 400, BAD],
  ['that hides an open path', { target: '/authorize/x/..%2fhealth', headers: [HOST, FOR] }, 400, BAD],
  ['without a path', { target: '/authorize', headers: [HOST, FOR, KEY] }, 403, UNCLEAR],
  ['with a query alone', { target: '/authorize?x', headers: [HOST, FOR, KEY] }, 403, UNCLEAR],
  ['without an address', { target: '/authorize/orders', headers: [HOST, KEY] }, 403, UNCLEAR],
  ['of two hosts', { target: '/authorize/orders', headers: [HOST, ['host', 'a.test'], FOR, KEY] }, 400, BAD],
  [
    'that others call something else',
    {
      method: 'POST',
      target: '/authorize/orders',
      headers: [
        HOST,
        FOR,
        READER,
        ['X-Forwarded-Method', 'GET'],
        ['X-Original-Method', 'GET'],
        ['X-Original-URI', '/health'],
      ],
    },
    403,
    'method_not_permitted',
  ],
];

const FAMILIES = [
  { family: 'x-original', rows: IN_X_ORIGINAL },
  { family: 'x-forwarded', rows: IN_X_FORWARDED },
  { family: 'envoy', rows: IN_ENVOY },
];

describe.each(FAMILIES)('the door that reads $family decides about a request', ({ family, rows }) => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await startAskedGate(`{ headers: ${family} }`);
  });
  afterAll(() => stage.stop());

  it.each(rows.map((row) => ({ row, title: row[0] })))('$title', async ({ row }) => {
    const [, question, status, reason] = row;
    const answer = await ask(stage, question);
    expect([answer.status, reason && reasonOf(answer)]).toEqual([status, reason]);
    expect(valuesOf(answer, 'x-key-id')).toHaveLength(status === 200 ? 1 : 0);
    expect(stage.upstream.requests).toHaveLength(0);
  });
});

describe('a peer that is not trusted', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await startAskedGate('{ headers: x-original, denyAs: 403, trustedProxies: [10.9.8.7] }', {
      limits: '[2/minute]',
    });
  });
  afterAll(() => stage.stop());

  it.each([
    ['a question', { headers: original([KEY]) }],
    ['an open path', { headers: original([], { uri: '/health' }) }],
    [
      'a question that names a trusted address',
      { headers: original([KEY, ['X-Forwarded-For', '10.9.8.7']]) },
    ],
    [
      'a spoofed method',
      {
        headers: [
          ['X-Original-URI', '/health'],
          ['X-Forwarded-Method', 'GET'],
        ],
      },
    ],
    ['another path', { target: '/', headers: [KEY] }],
    ['a refusal to be rendered', { target: '/refusal', headers: [['X-Auth-Refusal', 'x']] }],
  ] satisfies [string, Question][])('changes nothing with %s', async (_, question) => {
    const answer = await ask(stage, question);
    expect([answer.status, reasonOf(answer)]).toEqual([403, 'untrusted_proxy']);
    expect(valuesOf(answer, 'x-key-id')).toEqual([]);
  });

  it('has looked up and spent nothing', async () => {
    expect(stage.gate.resolves()).toBe(0);
    const series = await stage.gate.metrics();
    expect(series).toMatch(
      /plexgate_auth_decisions_total\{route="none",result="deny",reason="untrusted_proxy"\} 6/,
    );
    expect(series).toMatch(/reason="unclear_original_request"\} 0/);
  });
});
