import { describe, expect, it } from 'vitest';
import { digestOf } from '../../src/core/secret.ts';
import { limitsOf, recordOf } from '../support/key-record.ts';
import { FENCE_MS } from '../support/renewed.ts';
import { CONFIG, PipelineGate, newKey, said, type Asked } from './pipeline-gate.ts';

/** A limiter that must not be asked. */
const UNTOUCHED = {
  algorithm: 'memory',
  take() {
    throw new Error('the limiter was asked');
  },
} as const;

const PREFLIGHT = ['Origin', 'https://a.example', 'Access-Control-Request-Method', 'PUT'];

describe('what is wrong first is what is told', () => {
  /** Each request has every defect of those after it, too. */
  it('route, credential, key, standing, permission, limits', async () => {
    const gate = new PipelineGate();
    const spent = { permission: 'read_only', limits: limitsOf('1/minute') } as const;
    const revoked = gate.add({ ...spent, revokedAt: 1, expiresAt: 1, owner: { enabled: false } });
    const expired = gate.add({ ...spent, expiresAt: gate.clock.now(), owner: { enabled: false } });
    const disabled = gate.add({ ...spent, owner: { enabled: false } });
    const readOnly = gate.add(spent);
    const limited = gate.add({ limits: limitsOf('1/minute'), keyId: 'key-limited' });
    expect(await said(gate.use(limited))).toBe('permit');
    const post = { method: 'POST' };
    const bare = { headers: ['Authorization', 'nothing'] };
    const story: [string, Promise<string>][] = [
      ['method_not_allowed', said(gate.ask({ ...bare, method: 'TRACE', url: '/../x' }))],
      ['malformed_request', said(gate.ask({ ...bare, ...post, url: '/../x' }))],
      ['conflicting_credentials', said(gate.use(newKey(), { ...post, headers: ['x-api-key', newKey()] }))],
      ['malformed_credential', said(gate.ask({ ...bare, ...post }))],
      ['missing_credential', said(gate.ask(post))],
      ['unknown_key', said(gate.use(newKey(), post))],
      ['revoked_key', said(gate.use(revoked, post))],
      ['expired_key', said(gate.use(expired, post))],
      ['owner_disabled', said(gate.use(disabled, post))],
      ['method_not_permitted', said(gate.use(readOnly, post))],
      ['rate_limited', said(gate.use(limited, post))],
    ];
    for (const [reason, told] of story) expect(await told).toBe(reason);
  });

  it('a wrong workspace before a wrong method, a wrong method before an MCP server that is not listed', async () => {
    const gate = new PipelineGate();
    const key = gate.add({ permission: 'read_only', mcps: ['mcp_1'] });
    expect(await said(gate.use(key, { method: 'POST', url: '/w1/x' }))).toBe('wrong_workspace');
    const asked = { url: '/mcp-api/v1/mcps/mcp_2', headers: ['Authorization', `ApiKey ${key}`] };
    expect(await said(gate.ask({ ...asked, method: 'POST' }))).toBe('method_not_permitted');
    expect(await said(gate.ask(asked))).toBe('scope_denied');
    // The same server behind two slashes, which the prefix taken off leaves in front.
    const hidden = { ...asked, url: '/mcp-api//any.host/v1/mcps/mcp_2' };
    expect(await said(gate.ask(hidden))).toBe('scope_denied');
  });
});

describe('a request without Host', () => {
  it('is malformed, also as an upgrade; of HTTP/1.0 it is none', async () => {
    const gate = new PipelineGate();
    const key = gate.add({});
    for (const upgrade of [false, true]) {
      expect(await said(gate.use(key, { host: null, upgrade }))).toBe('malformed_request');
      expect(await said(gate.use(key, { host: null, upgrade, httpVersion: '1.0' }))).toBe('permit');
    }
    expect(await said(gate.use(key, { host: '' }))).toBe('permit');
  });
});

describe('nobody is asked about a key', () => {
  const WITHOUT_LOOKUP: Record<string, [Asked, string]> = {
    'that is not there': [{}, 'missing_credential'],
    'in a place the route does not accept': [
      { url: '/plexe', headers: ['Authorization', 'ApiKey abcdefgh'] },
      'wrong_scheme',
    ],
    'of no key form': [{ headers: ['x-api-key', 'a b'] }, 'malformed_credential'],
    'beside another one': [
      { headers: ['x-api-key', 'abcdefgh', 'Authorization', 'Bearer abcdefgi'] },
      'conflicting_credentials',
    ],
    'on an open path': [{ url: '/open/x', headers: ['x-api-key', 'abcdefgh'] }, 'permit'],
    'of a preflight': [{ method: 'OPTIONS', headers: PREFLIGHT }, 'permit'],
    'on no route': [{ url: '//open/x', headers: ['x-api-key', 'abcdefgh'] }, 'malformed_request'],
  };

  it.each(Object.entries(WITHOUT_LOOKUP))('%s', async (_, [asked, expected]) => {
    const gate = new PipelineGate({ limiter: UNTOUCHED });
    expect(await said(gate.ask(asked))).toBe(expected);
    expect(gate.source.asked).toBe(0);
  });

  it('of our own shape with a wrong checksum, unless checksums are ignored', async () => {
    const key = newKey();
    const damaged = key.slice(0, -1) + (key.endsWith('0') ? '1' : '0');
    const strict = new PipelineGate();
    expect(await said(strict.use(damaged))).toBe('unknown_key');
    expect(strict.source.asked).toBe(0);
    expect(await said(strict.use(key))).toBe('unknown_key');
    expect(strict.source.asked).toBe(1);
    const config = CONFIG.replace('proxy:', 'proxy:\n  keys: { checksum: ignore }');
    const lax = new PipelineGate({ config });
    expect(await said(lax.use(damaged))).toBe('unknown_key');
    expect(lax.source.asked).toBe(1);
  });
});

describe('a 403', () => {
  it('costs no unit, and neither does any other refusal', async () => {
    const gate = new PipelineGate();
    const reads = gate.add({ permission: 'read_only' });
    const revoked = gate.add({ keyId: 'key-2', revokedAt: 1 });
    for (let i = 0; i < 20; i++) {
      await gate.use(reads, { method: 'POST' });
      await gate.use(revoked);
      await gate.use(reads, { url: '/w1' });
    }
    expect(gate.limited).toEqual([]);
    const decision = await gate.use(reads);
    expect(decision).toMatchObject({ kind: 'permit', limits: [{ remaining: 4 }] });
  });

  it('is given as often as the tier allows requests; beyond that it is 429 with the time to wait', async () => {
    const gate = new PipelineGate();
    const key = gate.add({ permission: 'read_only' });
    const same = gate.add({ keyId: 'key-2', permission: 'read_only' });
    const told: string[] = [];
    for (let i = 0; i < 8; i++) {
      told.push(await said(gate.use(i % 2 === 0 ? key : same, { method: 'DELETE' })));
      gate.clock.advance(1000);
    }
    expect(told).toEqual([
      ...Array<string>(5).fill('method_not_permitted'),
      ...Array<string>(3).fill('forbidden_throttled'),
    ]);
    expect(await gate.use(key, { method: 'DELETE' })).toMatchObject({ retryAfterMs: 52_000, limits: [] });
    // What the key may do stays what it may do.
    expect(await gate.use(key)).toMatchObject({ kind: 'permit', limits: [{ remaining: 4 }] });
    gate.clock.advance(52_000);
    expect(await said(gate.use(key, { method: 'DELETE' }))).toBe('method_not_permitted');
  });

  it('is not bounded where the tier is not', async () => {
    const gate = new PipelineGate({ limiter: UNTOUCHED });
    const key = gate.add({ permission: 'read_only', owner: { tier: 'enterprise' } });
    for (let i = 0; i < 1000; i++) {
      expect(await said(gate.use(key, { method: 'PUT' }))).toBe('method_not_permitted');
    }
  });
});

describe('limits', () => {
  it('of owner and key are spent together, and the one that is spent says how long', async () => {
    const gate = new PipelineGate();
    const key = gate.add({ limits: limitsOf('2/10s') });
    const other = gate.add({ keyId: 'key-2' });
    expect(await gate.use(key)).toMatchObject({ limits: [{ remaining: 4 }, { remaining: 1 }] });
    gate.clock.advance(1000);
    expect(await gate.use(key)).toMatchObject({ limits: [{ remaining: 3 }, { remaining: 0 }] });
    expect(await gate.use(key)).toMatchObject({
      kind: 'denial',
      reason: 'rate_limited',
      retryAfterMs: 9000,
      limits: [{ remaining: 3 }, { remaining: 0 }],
    });
    expect(await gate.use(other)).toMatchObject({ kind: 'permit', limits: [{ remaining: 2 }] });
    expect(gate.limited).toEqual(
      ['allow', 'allow', 'limit', 'allow'].map((result) => `plexe/basic ${result}`),
    );
  });

  it('are not asked for a key that has none', async () => {
    const gate = new PipelineGate({ limiter: UNTOUCHED });
    const key = gate.add({ owner: { tier: 'enterprise' } });
    expect(await gate.use(key)).toMatchObject({ kind: 'permit', limits: [] });
  });
});

describe('an address that has failed too often', () => {
  it('is told so in place of what is wrong with the next key, but keys this gate knows still pass', async () => {
    const gate = new PipelineGate();
    const key = gate.add({ owner: { tier: 'enterprise' } });
    await gate.use(key);
    const told = [];
    for (let i = 0; i < 5; i++) told.push(await said(gate.ask({ headers: ['x-api-key', 'a b'] })));
    expect(told).toEqual([
      ...Array<string>(3).fill('malformed_credential'),
      'auth_throttled',
      'auth_throttled',
    ]);
    expect(await said(gate.use(key))).toBe('permit');
    expect(await gate.ask({ headers: ['x-api-key', 'a b'] })).toMatchObject({ retryAfterMs: 15 * 60_000 });
  });

  it('has at most five keys a second looked up, and a good one among them passes', async () => {
    const gate = new PipelineGate();
    for (let i = 0; i < 3; i++) await gate.use(newKey());
    const key = gate.add({ owner: { tier: 'enterprise' } });
    expect(await said(gate.use(key))).toBe('permit');
    for (let i = 0; i < 50; i++) expect(await said(gate.use(newKey()))).toBe('auth_throttled');
    expect(gate.source.asked).toBe(3 + 5);
    const unlucky = gate.add({ keyId: 'key-2', owner: { tier: 'enterprise' } });
    expect(await gate.use(unlucky)).toMatchObject({ reason: 'auth_throttled', retryAfterMs: 1000 });
    expect(await said(gate.use(unlucky, { address: '203.0.113.10' }))).toBe('permit');
  });

  it('is none for keys that were good once, for no key at all, for a wrong scheme or two keys', async () => {
    const gate = new PipelineGate();
    const revoked = gate.add({ revokedAt: 1 });
    for (let i = 0; i < 10; i++) {
      await gate.use(revoked);
      await gate.ask({});
      await gate.ask({ url: '/plexe', headers: ['Authorization', 'ApiKey abcdefgh'] });
      await gate.use('abcdefgh', { headers: ['x-api-key', 'abcdefgh'] });
    }
    expect(await said(gate.use(newKey()))).toBe('unknown_key');
  });

  it('is none because nobody could be asked', async () => {
    const gate = new PipelineGate({ source: { resolve: () => Promise.reject(new Error('away')) } });
    for (let i = 0; i < 10; i++) {
      expect(await gate.use(newKey())).toMatchObject({
        reason: 'key_service_unavailable',
        retryAfterMs: 1000,
      });
    }
  });
});

describe('a permit', () => {
  it('stands until a change touches its key or owner', async () => {
    for (const change of [
      { keyId: 'key-1', ownerId: null },
      { keyId: null, ownerId: 'owner-1' },
    ]) {
      const gate = new PipelineGate();
      const permit = await gate.use(gate.add());
      if (permit.kind !== 'permit') throw new Error('the key is good');
      gate.renewed.renew({ keyId: 'key-2', ownerId: 'owner-2', digest: digestOf('other') });
      expect(permit.stands()).toBe(true);
      gate.renewed.renew(change);
      expect(permit.stands()).toBe(false);
    }
  });

  it('stands no longer than the fence after the latest renewal, by either clock', async () => {
    for (const pass of ['advance', 'stepWall'] as const) {
      const gate = new PipelineGate();
      const permit = await gate.use(gate.add());
      if (permit.kind !== 'permit') throw new Error('the key is good');
      gate.clock[pass](FENCE_MS - 1);
      expect(permit.stands()).toBe(true);
      gate.clock[pass](1);
      expect(permit.stands()).toBe(false);
      gate.renewed.renew();
      expect(permit.stands()).toBe(true);
    }
  });

  it('of an open path always stands', async () => {
    const permit = await new PipelineGate().ask({ url: '/open/x' });
    expect(permit.kind === 'permit' && permit.stands()).toBe(true);
    expect(permit).toMatchObject({ key: null, credential: null, limits: [] });
  });

  it('is for the key as it is, not as it was before a change this gate has heard of', async () => {
    const gate = new PipelineGate();
    const key = gate.add();
    expect(await said(gate.use(key))).toBe('permit');
    gate.put(key, recordOf({ revokedAt: 1 }));
    expect(await said(gate.use(key))).toBe('permit');
    gate.source.asOf = 1;
    gate.renewed.renew({ keyId: 'key-1' });
    expect(await said(gate.use(key))).toBe('revoked_key');
  });

  it('ends with the very millisecond in which the key expires, also from memory', async () => {
    const gate = new PipelineGate();
    const key = gate.add({ expiresAt: gate.clock.now() + 100 });
    expect(await said(gate.use(key))).toBe('permit');
    gate.clock.advance(99);
    expect(await said(gate.use(key))).toBe('permit');
    gate.clock.advance(1);
    expect(await said(gate.use(key))).toBe('expired_key');
  });
});
