import type { HeaderLine } from '../support/http-message.ts';

/** A request, and what differs from a GET of /models with the key {S}. Texts may name fixtures. */
export interface ForwardAuthCase {
  readonly title: string;
  readonly method?: string;
  readonly target?: string;
  readonly headers?: readonly HeaderLine[];
  readonly body?: string;
  /** How often it is sent; the last answer counts. */
  readonly times?: number;
  /** What the client gets, so that all ways are not wrong alike. */
  readonly status: number;
}

const KEY: HeaderLine = ['x-api-key', '{S}'];
const READER: HeaderLine = ['x-api-key', '{SRO}'];
const MCP_HOST: HeaderLine = ['Host', 'mcp.test'];
const PLEXE = '/plexe/models';

const FORMATS: readonly ForwardAuthCase[] = (
  [
    ['Authorization', 'Bearer {S}'],
    ['x-api-key', '{S}'],
    ['Authorization', 'api-key {S}'],
    ['Authorization', 'ApiKey {S}'],
  ] as const
).map((line) => ({
  title: `a key in ${line.join(': ').replace('{S}', 'K')} passes and stays here`,
  headers: [line],
  status: 200,
}));

const REFUSALS: readonly ForwardAuthCase[] = [
  { title: 'no key is 401', headers: [], status: 401 },
  { title: 'an unknown key is 401', headers: [['x-api-key', '{UNK}']], status: 401 },
  {
    title: 'an unknown key is 401 in the words of Plexe',
    target: PLEXE,
    headers: [['Authorization', 'Bearer {UNK}']],
    status: 401,
  },
  {
    title: 'an unknown key is 401 in the words of Plextera',
    target: '/plextera/x',
    headers: [['Authorization', 'api-key {UNK}']],
    status: 401,
  },
  {
    title: 'an unknown key is 401 in the words of PlexMCP, never with Bearer',
    target: '/v1/mcps',
    headers: [MCP_HOST, ['Authorization', 'ApiKey {UNK}']],
    status: 401,
  },
  {
    title: 'JSON-RPC is answered with JSON-RPC',
    method: 'POST',
    target: '/mcp',
    headers: [MCP_HOST, ['Authorization', 'ApiKey {UNK}'], ['MCP-Protocol-Version', '2025-06-18']],
    body: '{}',
    status: 401,
  },
  { title: 'a revoked key is 401', target: PLEXE, headers: [['x-api-key', '{REV}']], status: 401 },
  { title: 'an expired key is 401', target: PLEXE, headers: [['x-api-key', '{EXP}']], status: 401 },
  { title: 'a read-only key that writes is 403', method: 'POST', headers: [READER], body: 'x', status: 403 },
  {
    title: 'a read-only key that writes is 403 in the words of Plexe',
    method: 'DELETE',
    target: PLEXE,
    headers: [['Authorization', 'Bearer {RO}']],
    status: 403,
  },
  {
    title: 'a key of another workspace is 403',
    headers: [['Host', 'other.test'], KEY],
    status: 403,
  },
  {
    title: "an MCP server that is not in the key's list is 403",
    target: '/v1/mcps/mcp_9',
    headers: [MCP_HOST, ['Authorization', 'ApiKey {MS}']],
    status: 403,
  },
  {
    title: 'two different keys are 400',
    headers: [KEY, ['Authorization', 'Bearer {SRO}']],
    status: 400,
  },
  { title: 'one key header twice is 400', headers: [KEY, KEY], status: 400 },
  {
    title: 'a spent limit is 429 with Retry-After',
    target: PLEXE,
    headers: [['x-api-key', '{RW}']],
    times: 4,
    status: 429,
  },
  {
    title: 'a spent limit is 429 to HEAD as well, without a body',
    method: 'HEAD',
    target: PLEXE,
    headers: [['x-api-key', '{RW}']],
    status: 429,
  },
];

const PASSES: readonly ForwardAuthCase[] = [
  { title: 'a read-only key reads', headers: [READER], status: 200 },
  { title: 'a HEAD passes', method: 'HEAD', headers: [READER], status: 200 },
  {
    title: 'a body arrives whole',
    method: 'POST',
    headers: [KEY],
    body: 'a body '.repeat(10_000),
    status: 200,
  },
  {
    title: 'a rule that lets a reader search holds',
    method: 'POST',
    target: '/search',
    headers: [READER],
    body: '{}',
    status: 200,
  },
  {
    title: 'what is left of a limit is told',
    target: PLEXE,
    headers: [['x-api-key', '{PRW}']],
    status: 200,
  },
  {
    title: 'the list of MCP servers of a key is told',
    target: '/v1/mcps/mcp_123',
    headers: [MCP_HOST, ['Authorization', 'ApiKey {MS}']],
    status: 200,
  },
  {
    title: 'a workspace is told',
    target: '/plextera/x',
    headers: [['Authorization', 'api-key {T1}']],
    status: 200,
  },
  { title: 'an open path needs no key', target: '/health', headers: [], status: 200 },
  {
    title: 'a preflight needs no key',
    method: 'OPTIONS',
    headers: [
      ['Origin', 'https://page.test'],
      ['Access-Control-Request-Method', 'POST'],
    ],
    status: 200,
  },
  {
    title: 'a credential of somebody else passes',
    headers: [KEY, ['Authorization', 'Basic eDp5']],
    status: 200,
  },
  { title: 'the service gets the credential it wants', target: '/own/x', headers: [KEY], status: 200 },
  { title: 'a key that is kept arrives', target: '/kept/x', headers: [KEY], status: 200 },
  { title: 'a query is passed on', target: '/models?a=%2F&b=//../c', headers: [KEY], status: 200 },
  { title: 'an encoded path is passed on', target: '/models/a%20b%2Cc', headers: [KEY], status: 200 },
];

const ATTACKS: readonly ForwardAuthCase[] = [
  {
    title: 'identity headers of a client do not survive',
    headers: [
      READER,
      ['X-Key-Id', 'evil'],
      ['x-owner-id', 'evil'],
      ['X-USER-ID', 'evil'],
      ['X-Workspace-Id', 'evil'],
      ['X-Permission-Level', 'read_write'],
      ['X-Tier', 'evil'],
      ['X-Allowed-Mcps', 'evil'],
      ['X-Plexgate-Identity', 'evil'],
    ],
    status: 200,
  },
  {
    title: 'identity headers of a client do not survive in other spellings',
    headers: [READER, ['X_Key_Id', 'evil'], ['x_permission_level', 'evil'], ['X.Owner.Id', 'evil']],
    status: 200,
  },
  {
    title: 'identity headers of a client do not survive on an open path',
    target: '/health',
    headers: [
      ['X-Key-Id', 'evil'],
      ['X-Permission-Level', 'read_write'],
      ['X-Workspace-Id', 'evil'],
    ],
    status: 200,
  },
  {
    title: 'a Connection header takes no identity header away',
    headers: [READER, ['Connection', 'close, X-Key-Id, X-Permission-Level']],
    status: 200,
  },
  {
    title: 'a client cannot say that it has asked for something else',
    method: 'POST',
    headers: [
      READER,
      ['X-Forwarded-Method', 'GET'],
      ['X-Original-Method', 'GET'],
      ['X-Original-URI', '/health'],
      ['X-Forwarded-Uri', '/health'],
      ['X-Original-Host', 'other.test'],
      ['X-Forwarded-Host', 'other.test'],
    ],
    status: 403,
  },
  {
    title: 'a client cannot say that it is at an open path',
    headers: [
      ['X-Original-URI', '/health'],
      ['X-Forwarded-Uri', '/health'],
      ['X-Original-URL', '/health'],
      ['X-Rewrite-URL', '/health'],
    ],
    status: 401,
  },
  {
    title: 'an override of the method never arrives',
    headers: [READER, ['X-HTTP-Method-Override', 'DELETE'], ['X-Method-Override', 'DELETE']],
    status: 200,
  },
  {
    title: 'a WebSocket is a write',
    headers: [
      READER,
      ['Connection', 'Upgrade'],
      ['Upgrade', 'websocket'],
      ['Sec-WebSocket-Version', '13'],
      ['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ=='],
    ],
    status: 403,
  },
  {
    title: 'an upgrade to another protocol is no upgrade',
    headers: [READER, ['Connection', 'Upgrade, HTTP2-Settings'], ['Upgrade', 'h2c'], ['HTTP2-Settings', '']],
    status: 200,
  },
  { title: 'an encoded slash that hides a rule is 400', target: '/models%2f..%2fhealth', status: 400 },
  { title: 'a path that hides an open one is 400', target: '/models/..;/health', headers: [], status: 400 },
  { title: 'a doubled slash that hides an open path is 400', target: '//health', headers: [], status: 400 },
];

export const CASES: readonly ForwardAuthCase[] = [...FORMATS, ...REFUSALS, ...PASSES, ...ATTACKS];
