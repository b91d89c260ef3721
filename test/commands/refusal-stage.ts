import { randomBytes } from 'node:crypto';
import type { Random } from '../../proof/revocation/random.ts';
import { composeKey, KEY_PREFIXES } from '../../src/core/key-shape.ts';
import type { Profile } from '../../src/core/profile.ts';
import type { Reason } from '../../src/core/reasons.ts';
import type { KeyDraft, OwnerDraft } from '../../src/key-service/drafts.ts';
import { startGate, type TestGate } from '../support/gate.ts';
import { exchange, RawConnection } from '../support/raw-client.ts';
import { startRedis } from '../support/redis-servers.ts';
import { OK, startUpstream, type Upstream } from '../support/upstream.ts';

/** A key, and whose it is. */
interface MadeKey {
  readonly text: string;
  readonly keyId: string;
  readonly ownerId: string;
}

/** A way to be refused. */
export interface Refusal {
  readonly reason: Reason;
  readonly gate: TestGate;
  /** At which of its doors. */
  readonly door: 'traffic' | 'forward-auth';
  /** In whose dialect the answer comes. */
  readonly profile: Profile;
  /** Null where the gate does not get as far as to know it. */
  readonly key: MadeKey | null;
  /** The request but for Host, address and id. */
  request(): RequestText;
}

type RequestText = readonly [method: string, target: string, ...lines: string[]];

export interface RefusalStage {
  /** One of every way, in every dialect it can come in. */
  readonly refusals: readonly Refusal[];
  readonly usual: TestGate;
  stop(): Promise<void>;
}

const DIALECTS: readonly Profile[] = ['standard', 'plexe', 'plextera', 'plexmcp'];
/** An address whose failed authentications are over its allowance. */
const NOTORIOUS = '198.51.100.66';
const HOUR_MS = 3_600_000;
/** Of a WebSocket, which is refused on the bare connection. */
const UPGRADE = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
];

interface Plight {
  readonly inFlight?: number;
  /** Who may ask at the second door. */
  readonly askers?: string;
}

function configOf(
  upstreams: { silent: string; streaming: string },
  { inFlight = 1000, askers = '127.0.0.0/8' }: Plight,
): string {
  const routes = DIALECTS.map(
    (profile) =>
      `    - { match: { host: gate.test, path: /${profile} }, profile: ${profile}, accept: [x-api-key, bearer], upstream: echo }`,
  );
  return `
keyService: {}
forwardAuth: { headers: x-original, trustedProxies: [${askers}] }
proxy:
  trustedProxies: [127.0.0.0/8]
  failedAuthentication: 5/15m
  timeouts: { firstByte: 500ms }
  limits: { whenRedisIsDown: closed }
  bounds: { inFlight: ${inFlight}, loopDelay: 60s }
  routes:
${routes.join('\n')}
    - { match: { host: gate.test, path: /theirs }, profile: standard, workspace: W1, upstream: echo }
    - { match: { host: gate.test, path: /dead }, profile: standard, upstream: 'http://127.0.0.1:1' }
    - { match: { host: gate.test, path: /silent }, profile: standard, upstream: '${upstreams.silent}' }
    - { match: { host: gate.test, path: /live }, profile: standard, upstream: '${upstreams.streaming}' }
`;
}

/** The bytes of a request from that address. */
export function bytesOf([method, target, ...lines]: RequestText, from: string, ...more: string[]): string {
  const host = lines.some((line) => line.startsWith('Host:')) ? [] : ['Host: gate.test'];
  const xff = lines.some((line) => line.startsWith('X-Forwarded-For:')) ? [] : [`X-Forwarded-For: ${from}`];
  const close = lines.some((line) => line.startsWith('Connection:')) ? [] : ['Connection: close'];
  const all = [...host, ...xff, ...lines, ...more, ...close];
  return `${method} ${target} HTTP/1.1\r\n${all.join('\r\n')}\r\n\r\n`;
}

/** Any of the addresses for documentation but those of the stage itself. */
export function anyAddress(random: Random): string {
  return `203.0.113.${1 + random.below(250)}, 2001:db8:${random.below(65_536).toString(16)}::${1 + random.below(9)}`;
}

class Keys {
  readonly #gate: TestGate;
  #made = 0;

  constructor(gate: TestGate) {
    this.#gate = gate;
  }

  async make(owner: Partial<OwnerDraft> = {}, key: Partial<KeyDraft> = {}): Promise<MadeKey> {
    const ownerId = `owner-${++this.#made}`;
    const { service } = this.#gate;
    await service.putOwner(ownerId, { profile: 'standard', tier: 'default', ...owner });
    const draft = { name: 'a key', profile: 'standard', permission: 'read_write', ...key };
    const made = await service.createKey({ owner: ownerId, ...draft });
    if (made.kind !== 'created') throw new Error(`no key: ${JSON.stringify(made)}`);
    return { text: made.key.reveal(), keyId: made.view.record.keyId, ownerId };
  }
}

const sent = ({ text }: { readonly text: string }): string => `x-api-key: ${text}`;
const stranger = (): string => composeKey(KEY_PREFIXES.plexe, randomBytes);

/** Gates in every plight in which a request is refused. */
export async function startRefusals(): Promise<RefusalStage> {
  const [silent, streaming] = [await startUpstream(), await startUpstream()];
  silent.answerWith({ ...OK, behaviour: 'is silent' });
  streaming.answerWith({ ...OK, headers: [['Content-Type', 'text/event-stream']], behaviour: 'streams' });
  const config = (plight: Plight = {}) =>
    configOf({ silent: silent.origin, streaming: streaming.origin }, plight);
  const usual = await startGate({
    config: config(),
    // A record that no key service sends: a defect.
    alterRecord: (record) => (record.name === 'broken' ? { ...record, limits: undefined as never } : record),
  });
  const busy = await startBusy(config, streaming);
  const cut = await startGate({ config: config({ askers: '192.0.2.0/24' }) });
  cut.keyServiceAnswers(false);
  const poor = await startWithoutRedis(config());
  const held = await startUsual(usual, streaming);
  return {
    refusals: [
      ...held.refusals,
      ...busy.refusals,
      ...poor.refusals,
      ...inEveryDialect(cut, 'key_service_unavailable', null, () => [`x-api-key: ${stranger()}`]),
      asked(usual, 'unclear_original_request'),
      asked(cut, 'untrusted_proxy'),
    ],
    usual,
    async stop() {
      [...held.open, ...busy.open].forEach((connection) => connection.drop());
      await Promise.all([usual, busy.gate, cut, poor.gate].map((gate) => gate.stop()));
      await Promise.all([silent.stop(), streaming.stop()]);
    },
  };
}

function inEveryDialect(
  gate: TestGate,
  reason: Reason,
  key: MadeKey | null,
  lines: () => string[],
  method = 'GET',
): Refusal[] {
  return DIALECTS.map((profile) => ({
    reason,
    gate,
    door: 'traffic',
    profile,
    key,
    request: () => [method, `/${profile}/models?x=1`, ...lines()],
  }));
}

/** A question at the second door that does not say what the client asked. */
function asked(gate: TestGate, reason: Reason): Refusal {
  const request = (): RequestText => ['GET', '/authorize', 'X-Original-URI: /standard'];
  return { reason, gate, door: 'forward-auth', profile: 'standard', key: null, request };
}

/** Opens a stream and leaves it open. */
async function hold({ port }: TestGate, { text }: MadeKey, upstream: Upstream): Promise<RawConnection> {
  const connection = await RawConnection.open(port);
  const before = upstream.streams.length;
  connection.send(`GET /live HTTP/1.1\r\nHost: gate.test\r\nx-api-key: ${text}\r\n\r\n`);
  await connection.until(() => upstream.streams.length > before && connection.head !== null, 'a stream');
  return connection;
}

/** More is under way than it may. */
async function startBusy(config: (plight: Plight) => string, streaming: Upstream) {
  const gate = await startGate({ config: config({ inFlight: 1 }) });
  const key = await new Keys(gate).make();
  const open = [await hold(gate, key, streaming)];
  return { gate, open, refusals: inEveryDialect(gate, 'overloaded', null, () => [sent(key)]) };
}

/** Its limits were in Redis, which has gone. */
async function startWithoutRedis(config: string) {
  const redis = await startRedis();
  const gate = await startGate({ config, redis: redis.config, sharing: 1 });
  const key = await new Keys(gate).make({ limits: ['500/minute'] });
  await exchange(gate.port, bytesOf(['GET', '/standard', sent(key)], '203.0.113.9'));
  await redis.stop();
  return { gate, refusals: inEveryDialect(gate, 'limits_unavailable', key, () => [sent(key)]) };
}

/** Keys in every state in which they are refused, or are about to be. */
async function keysOf(gate: TestGate) {
  const keys = new Keys(gate);
  const use = async (key: MadeKey, times: number, method = 'GET'): Promise<MadeKey> => {
    for (let i = 0; i < times; i++)
      await exchange(gate.port, bytesOf([method, '/standard', sent(key)], '192.0.2.1'));
    return key;
  };
  const ended = await keys.make({}, { expiresAt: new Date(Date.now() + HOUR_MS).toISOString() });
  gate.advance(2 * HOUR_MS);
  const revoked = await keys.make();
  await gate.service.revokeKey(revoked.keyId);
  return {
    ended,
    revoked,
    disabled: await keys.make({ enabled: false }),
    reader: await keys.make({}, { permission: 'read_only' }),
    one: await keys.make(),
    two: await keys.make({ limits: ['9000/hour', '20000/day'] }),
    few: await keys.make({}, { mcps: ['mcp_1'] }),
    broken: await keys.make({}, { name: 'broken' }),
    spent: [
      await use(await keys.make({ limits: ['3/hour', '9/day'] }), 3),
      await use(await keys.make({ limits: ['50/15m'] }, { limits: ['2/day', '7/hour'] }), 2),
      await use(await keys.make({ limits: ['4/hour'] }, { limits: ['4/hour', '4/day'] }), 4),
    ],
    forbidden: await use(await keys.make({ limits: ['2/hour'] }, { permission: 'read_only' }), 2, 'POST'),
    single: await keys.make({}, { limits: ['1 concurrent', '80/hour'] }),
  };
}

async function startUsual(gate: TestGate, streaming: Upstream) {
  const made = await keysOf(gate);
  for (let i = 0; i < 6; i++)
    await exchange(gate.port, bytesOf(['GET', '/standard', `x-api-key: ${stranger()}`], NOTORIOUS));
  const open = [await hold(gate, made.single, streaming)];
  return { open, refusals: [...inTheStandard(gate, made), ...inAnyDialect(gate, made)] };
}

type Keyring = Awaited<ReturnType<typeof keysOf>>;

function inTheStandard(gate: TestGate, { one, two, few, broken, reader, spent }: Keyring): Refusal[] {
  const standard = (reason: Reason, key: MadeKey | null, ...request: RequestText): Refusal => ({
    reason,
    gate,
    door: 'traffic',
    profile: 'standard',
    key,
    request: () => request,
  });
  const scope = standard('scope_denied', few, 'GET', '/plexmcp/x', sent(few), 'Mcp-Name: mcp_2:tool');
  return [
    standard('malformed_request', null, 'GET', '/standard/../x', sent(one)),
    standard('malformed_request', null, 'GET', '/standard', 'Host: a', 'Host: b'),
    standard('no_route', null, 'GET', '/nowhere', sent(one)),
    standard('no_route', null, 'GET', '/standard', 'Host: other.test'),
    standard('method_not_allowed', null, 'TRACE', '/standard'),
    standard('wrong_workspace', one, 'GET', '/theirs', sent(one)),
    standard('internal_error', null, 'GET', '/standard', sent(broken)),
    standard('upstream_unreachable', two, 'POST', '/dead', sent(two)),
    standard('upstream_unreachable', one, 'GET', '/dead', sent(one)),
    standard('upstream_timeout', two, 'GET', '/silent', sent(two)),
    { ...scope, profile: 'plexmcp' },
    standard('method_not_permitted', reader, 'GET', '/standard', sent(reader), ...UPGRADE),
    ...spent.map((key) => standard('rate_limited', key, 'GET', '/standard', sent(key), ...UPGRADE)),
  ];
}

function inAnyDialect(gate: TestGate, made: Keyring): Refusal[] {
  const all = (...how: [reason: Reason, key: MadeKey | null, lines: () => string[], method?: string]) =>
    inEveryDialect(gate, ...how);
  const { one, two, revoked, ended, disabled, reader, forbidden, single, spent } = made;
  return [
    ...all('conflicting_credentials', null, () => [sent(one), `Authorization: Bearer ${two.text}`]),
    ...all('missing_credential', null, () => []),
    ...all('wrong_scheme', null, () => [`Authorization: ApiKey ${one.text}`]),
    ...all('malformed_credential', null, () => ['Authorization: Bearer']),
    ...all('unknown_key', null, () => [`x-api-key: ${stranger()}`]),
    ...all('auth_throttled', null, () => [`x-api-key: ${stranger()}`, `X-Forwarded-For: ${NOTORIOUS}`]),
    ...all('revoked_key', revoked, () => [sent(revoked)]),
    ...all('expired_key', ended, () => [sent(ended)]),
    ...all('owner_disabled', disabled, () => [sent(disabled)]),
    ...all('method_not_permitted', reader, () => [sent(reader)], 'DELETE'),
    ...all('forbidden_throttled', forbidden, () => [sent(forbidden)], 'POST'),
    ...all('concurrency_limited', single, () => [sent(single)]),
    ...spent.flatMap((key) => all('rate_limited', key, () => [sent(key)])),
  ];
}
