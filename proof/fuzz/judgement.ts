import { METHODS } from 'node:http';
import { persists, tokensOf, valuesOf, type Message } from './reading.ts';

/** What the upstream is to see of a request, but for what the gate adds. */
export interface Seen {
  readonly start: string;
  readonly lines: readonly string[];
  readonly body: string;
}

export interface Judgement {
  readonly status: number;
  /** What else it may be, since readers differ on what no one should send; the connection ends with it. */
  readonly otherwise?: number;
  /** Null where it is refused. */
  readonly seen: Seen | null;
  /** The connection ends with the answer: it must, it may, or it must not. */
  readonly ends: 'must' | 'may' | 'no';
}

/** Keys and what they may. */
export type Keys = ReadonlyMap<string, 'read' | 'write'>;

const HOP = new Set(
  'connection keep-alive proxy-connection te trailer transfer-encoding upgrade expect proxy-authorization proxy-authenticate http2-settings'.split(
    ' ',
  ),
);
const OVERRIDES = new Set(
  'x-http-method x-http-method-override x-method-override x-original-url x-rewrite-url'.split(' '),
);
const FORWARDING = new Set(
  'x-forwarded-for x-forwarded-proto x-forwarded-host x-forwarded-port x-forwarded-prefix x-forwarded-server x-forwarded-ssl forwarded x-real-ip x-client-ip true-client-ip cf-connecting-ip'.split(
    ' ',
  ),
);
const IDENTITY = new Set(
  'x-key-id x-owner-id x-workspace-id x-user-id x-permission-level x-tier x-request-id x-allowed-mcps'.split(
    ' ',
  ),
);
const CREDENTIALS = new Set(['authorization', 'x-api-key']);
/** Other spellings of these never pass. */
const GUARDED = new Set([
  ...[HOP, OVERRIDES, FORWARDING, IDENTITY, CREDENTIALS].flatMap((names) => [...names]),
  ...'host content-length cookie mcp-method mcp-name mcp-protocol-version'.split(' '),
]);
/** A Connection header cannot take these away. */
const KEPT = new Set(
  'host content-length origin access-control-request-method mcp-method mcp-name mcp-protocol-version'.split(
    ' ',
  ),
);
/** Written by the gate or by the framing on the way. */
const REWRITTEN = new Set(['host', 'content-length']);

const refused = (status: number, ends: Judgement['ends']): Judgement => ({ status, seen: null, ends });

/** What becomes of a request at a gate with the routes of the stage. */
export function judge(message: Message, keys: Keys): Judgement {
  const { method, version } = message;
  if (!METHODS.includes(method)) return refused(400, 'must');
  if (version !== 'HTTP/1.1' && version !== 'HTTP/1.0') return refused(400, 'must');
  if (isAmbiguous(message)) return refused(400, 'must');
  if (method === 'CONNECT') return { ...refused(405, 'must'), otherwise: 400 };
  const going = goingOn(message);
  const keeping = going === 'no' && message.hasBody ? 'may' : going;
  if (method === 'TRACE') return { ...refused(405, going === 'must' ? 'must' : 'may'), otherwise: 400 };
  const path = pathOf(message);
  if (path === null) return refused(400, 'must');
  const place = placeOf(path.path);
  if (readingsOf(path.path).some((reading) => placeOf(reading) !== place)) return refused(400, 'must');
  const status = place === 'open' || isPreflight(message) ? 200 : admission(message, place, keys);
  if (status !== 200) return refused(status, keeping);
  const start = `${method} ${path.path}${path.query} HTTP/1.1`;
  return { status: 200, seen: { start, lines: passing(message), body: message.body }, ends: going };
}

function goingOn(message: Message): Judgement['ends'] {
  if (!persists(message)) return 'must';
  return valuesOf(message, 'expect').length > 0 ? 'may' : 'no';
}

function isAmbiguous(message: Message): boolean {
  const hosts = valuesOf(message, 'host');
  if (hosts.length > 1 || (hosts.length === 0 && message.version === 'HTTP/1.1')) return true;
  if (!/^(?:[\w.-]*|\[[\da-f:.]+\])(?::\d{0,5})?$/i.test(hosts[0] ?? '')) return true;
  return message.version === 'HTTP/1.0' && valuesOf(message, 'transfer-encoding').length > 0;
}

function pathOf(message: Message): { path: string; query: string } | null {
  let { target } = message;
  if (!target.startsWith('/')) {
    const [, authority = '', rest = ''] = /^https?:\/\/([^/?#]+)(.*)$/i.exec(target) ?? [];
    if (authority === '' || authority.toLowerCase() !== valuesOf(message, 'host')[0]?.toLowerCase())
      return null;
    target = rest.startsWith('/') ? rest : `/${rest}`;
  }
  const [path = '', ...queries] = target.split('?');
  const query = queries.length === 0 ? '' : `?${queries.join('?')}`;
  if (/[^\x21-\x7e]|#/.test(target) || path.includes('\\') || /%(?![\da-f]{2})/i.test(path)) return null;
  const plain = decoded(path);
  if (/[\0-\x1f\x7f\\]/.test(plain)) return null;
  const segments = new Set(plain.split('/').map((segment) => segment.split(';', 1)[0]));
  return segments.has('.') || segments.has('..') ? null : { path, query };
}

function decoded(path: string): string {
  return path.replace(/%([\da-f]{2})/gi, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );
}

/** What an upstream may take the path for. */
function readingsOf(path: string): string[] {
  const plain = decoded(path);
  const single = (text: string): string => text.replace(/\/\/+/g, '/');
  const readings = [plain, single(plain), single(plain.replace(/;[^/]*/g, ''))];
  if (plain.startsWith('//')) readings.push(single(`/${plain.replace(/^\/\/[^/]*/, '')}`));
  return readings;
}

type Place = 'open' | 'keyed' | 'writing';

/** `/open` and all below is open on the route `/`; the route `/admin` is for writers. */
function placeOf(path: string): Place {
  if (path === '/admin' || path.startsWith('/admin/')) return 'writing';
  return path === '/open' || path.startsWith('/open/') ? 'open' : 'keyed';
}

function isPreflight(message: Message): boolean {
  const once = (name: string): boolean => valuesOf(message, name).length === 1;
  return message.method === 'OPTIONS' && once('origin') && once('access-control-request-method');
}

function admission(message: Message, place: Place, keys: Keys): number {
  const key = credentialOf(message);
  if (typeof key === 'number') return key;
  const may = keys.get(key);
  if (may === undefined) return 401;
  const reads =
    ['GET', 'HEAD', 'OPTIONS'].includes(message.method) && place !== 'writing' && !isUpgrade(message);
  return reads || may === 'write' ? 200 : 403;
}

const KEY = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x7e]{8,512}$/;

/** The key, or the status that its absence or form earns. */
function credentialOf(message: Message): string | number {
  const authorizations = valuesOf(message, 'authorization');
  const apiKeys = valuesOf(message, 'x-api-key');
  if (authorizations.length > 1 || apiKeys.length > 1) return 400;
  const [authorization] = authorizations;
  let key: string | null = null;
  if (authorization !== undefined && !isForeign(authorization)) {
    const [, own] = /^(?:bearer|api-key|apikey) +(.*)$/i.exec(authorization) ?? [];
    if (own === undefined || !KEY.test(own)) return 401;
    key = own;
  }
  const [apiKey] = apiKeys;
  if (apiKey === undefined || (apiKey === '' && key !== null)) return key ?? 401;
  if (key !== null && key !== apiKey) return 400;
  return KEY.test(apiKey) ? apiKey : 401;
}

function isForeign(authorization: string): boolean {
  const [, scheme = ''] = /^([!#$%&'*+\-.^_`|~\dA-Za-z]+) /.exec(authorization) ?? [];
  return scheme !== '' && !['bearer', 'api-key', 'apikey'].includes(scheme.toLowerCase());
}

export function isUpgrade(message: Message): boolean {
  return (
    message.method === 'GET' &&
    message.version === 'HTTP/1.1' &&
    tokensOf(message, 'connection').includes('upgrade') &&
    valuesOf(message, 'upgrade').join(', ').toLowerCase() === 'websocket' &&
    !message.hasBody
  );
}

/** The client's own lines as they go on. */
function passing(message: Message): string[] {
  const listed = new Set(tokensOf(message, 'connection').filter((name) => !KEPT.has(name)));
  return message.lines
    .filter(([name, value]) => {
      const lower = name.toLowerCase();
      const folded = lower.replace(/[^a-z0-9]/g, '-');
      if (folded !== lower && GUARDED.has(folded)) return false;
      if ([HOP, OVERRIDES, FORWARDING, IDENTITY, REWRITTEN].some((names) => names.has(lower))) return false;
      if (CREDENTIALS.has(lower) && !(lower === 'authorization' && isForeign(value))) return false;
      return !listed.has(lower);
    })
    .map(([name, value]) => `${name}: ${value}`);
}
