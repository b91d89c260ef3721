import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { valuesOf } from '../support/http-message.ts';
import type { RawAnswer } from '../support/raw-client.ts';
import type { Stage } from '../support/stage.ts';
import { ask, KEY, original, READER, reasonOf, startAskedGate, type Question } from './asking.ts';

const NGINX = '{ headers: x-original, denyAs: 403 }';

const signedIn = (answer: RawAnswer): string => valuesOf(answer, 'x-auth-refusal')[0] ?? '';
const rendering = (signed: string): Question => ({
  target: '/refusal',
  headers: [['X-Auth-Refusal', signed]],
});

/** What a client sees of an answer, but for the moment. */
const toClient = ({ status, headers, body }: RawAnswer) => ({
  status,
  headers: headers.filter(([name]) => !/^(?:date|connection|keep-alive)$/i.test(name)),
  body: body.toString(),
});

describe('a refusal as a 403', () => {
  let stage: Stage;
  let own: Stage;
  beforeAll(async () => {
    const limits = { limits: '[2/minute]' };
    [stage, own] = await Promise.all([
      startAskedGate(NGINX, limits),
      startAskedGate('{ headers: x-original }', limits),
    ]);
  });
  afterAll(async () => {
    await Promise.all([stage.stop(), own.stop()]);
  });

  it.each([
    ['no key', original([['X-Request-Id', 'a']]), 401],
    ['a key that may only read', original([READER, ['X-Request-Id', 'b']], { method: 'POST' }), 403],
    ['a path that is ambiguous', original([KEY, ['X-Request-Id', 'c']], { uri: '//health' }), 400],
    [
      'a revoked key',
      original([
        ['x-api-key', '{REV}'],
        ['X-Request-Id', 'd'],
      ]),
      401,
    ],
    ['a method that never passes', original([KEY, ['X-Request-Id', 'e']], { method: 'TRACE' }), 405],
    [
      'a header that should have been taken off',
      original([KEY, ['X_Tier', 'x'], ['X-Request-Id', 'f']]),
      400,
    ],
  ] as const)('of %s tells its status and is rendered as it would have been', async (_, headers, status) => {
    const refused = await ask(stage, { headers });
    const direct = await ask(own, { headers });
    expect([refused.status, valuesOf(refused, 'x-auth-status'), direct.status]).toEqual([
      403,
      [String(status)],
      status,
    ]);
    const rendered = await ask(stage, rendering(signedIn(refused)));
    expect(toClient(rendered)).toEqual(toClient(direct));
  });

  it('of a spent limit keeps Retry-After and what is left, and spends nothing when it is rendered', async () => {
    for (let i = 0; i < 2; i++) expect((await ask(stage, { headers: original([KEY]) })).status).toBe(200);
    const refused = await ask(stage, { headers: original([KEY]) });
    expect(valuesOf(refused, 'retry-after')).toEqual([expect.stringMatching(/^\d+$/)]);
    for (let i = 0; i < 3; i++) {
      const rendered = await ask(stage, rendering(signedIn(refused)));
      expect(rendered.status).toBe(429);
      for (const name of ['retry-after', 'ratelimit', 'ratelimit-policy', 'x-ratelimit-reset'])
        expect(valuesOf(rendered, name), name).toEqual(valuesOf(refused, name));
      expect(reasonOf(rendered)).toBe('rate_limited');
    }
  });

  it('keeps each challenge on a line of its own', async () => {
    const refused = await ask(stage, { headers: original() });
    const rendered = await ask(stage, rendering(signedIn(refused)));
    expect(valuesOf(rendered, 'www-authenticate').length).toBeGreaterThan(1);
    expect(valuesOf(rendered, 'www-authenticate')).toEqual(valuesOf(refused, 'www-authenticate'));
  });

  it('is no part of an answer that lets pass', async () => {
    const answer = await ask(stage, { headers: original([], { uri: '/health' }) });
    expect([answer.status, valuesOf(answer, 'x-auth-status'), valuesOf(answer, 'x-auth-refusal')]).toEqual([
      200,
      [],
      [],
    ]);
  });

  it('has no body, which nginx would end the connection for', async () => {
    const refused = await ask(stage, { headers: original() });
    expect([refused.body.length, valuesOf(refused, 'content-length')]).toEqual([0, ['0']]);
  });

  it('is recorded once, as what the client gets', async () => {
    const id = 'recorded-once';
    const refused = await ask(stage, { headers: original([['X-Request-Id', id]]) });
    await ask(stage, rendering(signedIn(refused)));
    const records = stage.gate.logLines.filter((line) => line.includes(id));
    expect(records.map((line) => JSON.parse(line) as object)).toMatchObject([
      { status: 401, reason: 'missing_credential', method: 'GET', path: '/orders', address: '192.0.2.1' },
    ]);
  });
});

describe('a refusal that is to be rendered', () => {
  let stage: Stage;
  let other: Stage;
  let signed = '';
  beforeAll(async () => {
    [stage, other] = await Promise.all([startAskedGate(NGINX), startAskedGate(NGINX)]);
    signed = signedIn(await ask(stage, { headers: original() }));
  });
  afterAll(async () => {
    await Promise.all([stage.stop(), other.stop()]);
  });

  const changed = (at: number): string => {
    const replaced = signed[at] === 'A' ? 'B' : 'A';
    return signed.slice(0, at) + replaced + signed.slice(at + 1);
  };

  it.each([
    ['whose moment is moved', () => `9${signed.slice(1)}`],
    ['whose words are changed', () => changed(signed.indexOf('.') + 40)],
    ['whose signature is changed', () => changed(signed.lastIndexOf('.') + 5)],
    ['without a signature', () => signed.slice(0, signed.lastIndexOf('.'))],
    ['that is none', () => 'AAAA.BBBB.CCCC'],
    ['that is longer than any', () => 'A'.repeat(12_000)],
  ])('is refused as one %s', async (_, forge) => {
    const answer = await ask(stage, rendering(forge()));
    expect([answer.status, reasonOf(answer)]).toEqual([403, 'unclear_original_request']);
  });

  it('is refused without one, and with two', async () => {
    const line = ['X-Auth-Refusal', signed] as const;
    for (const headers of [[], [line, line]]) {
      const answer = await ask(stage, { target: '/refusal', headers });
      expect([answer.status, reasonOf(answer)]).toEqual([403, 'unclear_original_request']);
    }
  });

  it('is refused as one of another gate', async () => {
    const answer = await ask(other, rendering(signed));
    expect([answer.status, reasonOf(answer)]).toEqual([403, 'unclear_original_request']);
  });

  it('is refused when it is old', async () => {
    expect((await ask(stage, rendering(signed))).status).toBe(401);
    stage.gate.advance(10_001);
    expect((await ask(stage, rendering(signed))).status).toBe(403);
  });

  it('is rendered by every replica that has the same secret', async () => {
    const section = '{ headers: x-original, denyAs: 403, refusalSecret: shared-by-all-replicas }';
    const replicas = await Promise.all([startAskedGate(section), startAskedGate(section)]);
    const refused = await ask(replicas[0], { headers: original() });
    expect((await ask(replicas[1], rendering(signedIn(refused)))).status).toBe(401);
    await Promise.all(replicas.map((replica) => replica.stop()));
  });

  it('is nothing where refusals have their own status', async () => {
    const plain = await startAskedGate('{ headers: x-original }');
    expect((await ask(plain, rendering(signed))).status).toBe(404);
    await plain.stop();
  });
});
