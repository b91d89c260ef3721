import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Revocation } from '../../../src/key-service/console/wire.ts';
import { TestMember } from '../../support/member.ts';
import { ADMIN } from '../running-server.ts';
import { openStage, startStage, type Browser, type Stage } from './stage.ts';

const HOUR = 3_600_000;

let stage: Stage;
let browser: Browser;
beforeAll(async () => {
  stage = await openStage();
  browser = await stage.signedIn('admin');
});
afterAll(() => stage.close());

const KEY = { owner: 'acme', name: 'ci', profile: 'plexe', permission: 'read_write' };

describe('keys', () => {
  test('are made for an owner, shown once, and say which operator made them', async () => {
    const { status, body } = await browser.post('/keys', { ...KEY, name: 'made here' });
    expect([status, body.row.name, body.row.created_by]).toEqual([201, 'made here', 'admin@example.com']);
    const digest = body.row.key_id;
    const shown = await browser.get(`/keys/${digest}`);
    expect(shown.body).toEqual(body.row);
    expect(shown.text).not.toContain(body.key.slice(12, 30));
    const audit = (await browser.get(`/audit?key=${digest}`)).body.audit;
    expect(audit).toMatchObject([{ action: 'key.create', outcome: 'done', operator: 'admin@example.com' }]);
    expect((await browser.get('/audit?operator=Admin@example.com&action=key.create')).body.audit[0].id).toBe(
      audit[0].id,
    );
  });

  test('are made with the owner where nobody has the id yet, and for no other tier than there is', async () => {
    const newcomer = { ...KEY, owner: 'newcomer' };
    const refusals = [
      [newcomer, ['tier']],
      [{ ...newcomer, tier: 'pro', name: '' }, ['name']],
      [{ ...KEY, tier: 'pro' }, ['tier']],
      [{ ...KEY, workspace: 'W9' }, ['workspace']],
      [{ ...KEY, owner: 'a b', tier: 'pro' }, ['owner']],
      [{ ...KEY, expires_at: '2001-01-01T00:00:00Z' }, ['expires_at']],
    ] as const;
    for (const [body, fields] of refusals) {
      const answer = await browser.post('/keys', body);
      const named = (answer.body.errors as { field: string }[]).map(({ field }) => field);
      expect([answer.status, answer.body.code, named]).toEqual([422, 'invalid', fields]);
    }
    expect((await browser.get('/owners/newcomer')).status).toBe(404);
    const made = await browser.post('/keys', { ...newcomer, tier: 'pro', workspace: 'W1' });
    expect(made.body.row.owner).toMatchObject({ id: 'newcomer', tier: 'pro', workspace: 'W1' });
    expect((await browser.post('/keys', { ...newcomer, tier: 'pro' })).status).toBe(201);
  });

  test('are listed by part of their name, whole id, owner and status, in pages', async () => {
    for (let i = 0; i < 5; i++)
      await browser.post('/keys', { ...KEY, owner: 'newcomer', name: `batch ${i}` });
    const page = (await browser.get('/keys?search=BATCH&limit=2&offset=1')).body;
    expect(page.pagination).toEqual({ total: 5, limit: 2, offset: 1, has_more: true });
    expect(page.keys).toHaveLength(2);
    const id = page.keys[0].key_id;
    expect((await browser.get(`/keys?search=${id}`)).body.keys).toMatchObject([{ key_id: id }]);
    expect((await browser.get('/keys?search=batch&owner=acme')).body.keys).toEqual([]);
    expect((await browser.get('/keys?status=revoked&owner=newcomer')).body.keys).toEqual([]);
    expect((await browser.get('/keys?limit=1000')).body.pagination.limit).toBe(100);
    expect((await browser.get('/keys?status=dead')).body.code).toBe('invalid');
    expect((await browser.get('/owners?search=newc')).body.owners).toMatchObject([{ id: 'newcomer' }]);
  });

  test('are rotated with an overlap, once', async () => {
    const { row } = (await browser.post('/keys', KEY)).body;
    const rotated = (await browser.post(`/keys/${row.key_id}/rotate`, { overlap: '1h' })).body;
    expect(rotated.key).toMatch(/^plx_sk_/);
    expect(Date.parse(rotated.old.expires_at)).toBe(stage.keys.clock.at + HOUR);
    expect(rotated.old).toMatchObject({ replaced_by: rotated.row.key_id, status: 'active' });
    const again = await browser.post(`/keys/${row.key_id}/rotate`, { overlap: '1h' });
    expect([again.status, again.body.code]).toEqual([409, 'conflict']);
    expect((await browser.post('/keys/nothing/rotate', { overlap: '1h' })).status).toBe(404);
    expect((await browser.post(`/keys/${row.key_id}/rotate`, { overlap: 'long' })).status).toBe(422);
  });
});

describe('a revocation', () => {
  test('is answered at once, and followed gate by gate until it is certain', async () => {
    const own = await startStage();
    const operator = await own.signedIn('operator');
    const silent = await TestMember.join(own.keys.service, { staleIfErrorMs: 0 });
    silent.silence();
    const { row } = await operator.key();
    const first = await operator.post(`/keys/${row.key_id}/revoke`);
    expect([first.status, first.body.state, first.body.members]).toEqual([202, 'spreading', 2]);
    expect(first.body.waiting_members).toContain(silent.id);
    let seen = first.body as Revocation;
    const states = [`${seen.acked}/${seen.members} ${seen.state}`];
    while (seen.state === 'spreading') {
      seen = (await operator.get(`/keys/${row.key_id}/revocation`)).body;
      const state = `${seen.acked}/${seen.members} ${seen.state}`;
      if (states.at(-1) !== state) states.push(state);
    }
    expect(states.at(-2)).toBe('1/2 spreading');
    expect(seen).toMatchObject({
      acked: 1,
      fenced: 1,
      fenced_members: [silent.id],
      waiting_members: [],
      certain_at: null,
    });
    expect((await operator.post(`/keys/${row.key_id}/revoke`)).body.revoked_at).toBe(first.body.revoked_at);
  });

  test('of nothing is unknown, and of a key that works there is none', async () => {
    const { row } = (await browser.post('/keys', KEY)).body;
    expect((await browser.get(`/keys/${row.key_id}/revocation`)).body.code).toBe('conflict');
    expect((await browser.get('/keys/nothing/revocation')).body.code).toBe('unknown');
    expect((await browser.post('/keys/nothing/revoke')).body.code).toBe('unknown');
  });
});

describe('what happened', () => {
  test('to a key is told by the hour, those without requests too', async () => {
    const { keyId } = await stage.keys.create();
    const { at } = stage.keys.clock;
    const hourAt = at - (at % HOUR);
    const usage = { keyId, route: '/plexe', hourAt, lastAt: at };
    await stage.keys.service.report({
      member: 'gate-1',
      sequence: 1,
      usage: [
        { ...usage, statusClass: '2xx', count: 5 },
        { ...usage, statusClass: '4xx', count: 2, hourAt: hourAt - 2 * HOUR },
      ],
      refusals: [],
      suppressed: [],
    });
    const from = new Date(hourAt - 3 * HOUR).toISOString();
    const { body } = await browser.get(`/keys/${keyId}/usage?from=${from}`);
    expect(
      body.points.map((point: { requests: number; errors: number }) => [point.requests, point.errors]),
    ).toEqual([
      [0, 0],
      [2, 2],
      [0, 0],
      [5, 0],
    ]);
    expect(body.by_status).toEqual([
      { status: '2xx', requests: 5 },
      { status: '4xx', requests: 2 },
    ]);
    expect((await browser.get(`/keys/${keyId}`)).body).toMatchObject({ request_count: 7 });
    expect((await browser.get(`/keys/${keyId}/usage?by=week`)).status).toBe(422);
    expect((await browser.get(`/keys/${keyId}/usage?from=2001-01-01T00:00:00Z`)).status).toBe(422);
  });

  test('to a request is explained from the audit and from the gate of this process', async () => {
    const { keyId } = await stage.keys.create();
    const refusal = {
      at: stage.keys.clock.at,
      requestId: 'req_seen',
      reason: 'revoked_key',
      keyId,
      ownerId: 'acme',
      address: '192.0.2.1',
      userAgent: 'curl/8',
      method: 'GET',
      path: '/models',
      route: '/plexe',
    };
    const report = { member: 'gate-1', sequence: 2, usage: [], refusals: [refusal], suppressed: [] };
    await stage.keys.service.report(report);
    const found = (await browser.get('/audit?request_id=req_seen&reason=revoked_key&address=192.0.2.1')).body;
    expect(found.audit).toMatchObject([{ kind: 'refusal', key_id: keyId, operator: null }]);
    const { body } = await browser.get('/explain/req_seen');
    expect(body).toMatchObject({
      decisions: [],
      audit: found.audit,
      reason: { status: 401 },
      key: { key_id: keyId },
    });
    const decision = { request_id: 'req_limited', reason: 'rate_limited', key_id: keyId };
    stage.console.surround({
      decisions: (id) => (id === 'req_limited' ? [decision] : []),
      configuration: () => ({ log: { level: 'info' } }),
      profiles: () => ({
        plexe: { tiers: [{ name: 'basic', limits: ['100/minute'] }], url: 'http://gate/plexe' },
      }),
    });
    expect((await browser.get('/explain/req_limited')).body).toMatchObject({
      decisions: [decision],
      audit: [],
      reason: { reason: 'rate_limited', status: 429 },
    });
    expect((await browser.get('/explain/req_nobody')).body.code).toBe('unknown');
    expect((await browser.get('/fleet')).body.configuration).toEqual({ log: { level: 'info' } });
    const { profiles } = (await browser.get('/about')).body;
    expect(profiles[0]).toEqual({
      profile: 'plexe',
      tiers: [{ name: 'basic', limits: ['100/minute'] }],
      headers: ['Authorization: Bearer {key}', 'x-api-key: {key}'],
      url: 'http://gate/plexe',
      has_overlap: true,
    });
  });

  test('is looked through from page to page', async () => {
    const first = (await browser.get('/audit?limit=3')).body;
    const second = (await browser.get(`/audit?limit=3&cursor=${first.next_cursor}`)).body;
    expect(second.audit[0].id).toBeLessThan(first.audit[2].id);
    expect((await browser.get('/audit?cursor=x')).status).toBe(422);
  });
});

describe('operators', () => {
  test('are made by admins here and by the admin API, and none has the email of another', async () => {
    const { link, operator } = await browser.link('Carol@example.com', 'viewer');
    expect(operator).toMatchObject({ email: 'carol@example.com', is_enrolled: false, enabled: true });
    expect((await stage.browser().enrol(link)).status).toBe(200);
    const twice = await browser.post('/operators', { email: 'carol@example.com', role: 'admin' });
    expect([twice.status, twice.body.code]).toEqual([409, 'conflict']);
    for (const body of [
      { email: 'no email', role: 'admin' },
      { email: 'a@b', role: 'root' },
    ])
      expect((await browser.post('/operators', body)).status).toBe(422);
    const headers = { authorization: `Bearer ${ADMIN}`, 'content-type': 'application/json' };
    const body = { email: 'dan@example.com', role: 'operator' };
    const made = await stage.ask('POST', '/admin/v1/operators', { headers, body });
    expect([made.status, made.body.operator.email]).toEqual([201, 'dan@example.com']);
    const listed = await stage.ask('GET', '/admin/v1/operators', { headers });
    expect(listed.body.operators.map(({ email }: { email: string }) => email)).toEqual([
      'admin@example.com',
      'carol@example.com',
      'dan@example.com',
    ]);
    const { authorization } = headers;
    const again = await stage.ask('POST', `/admin/v1/operators/${made.body.operator.id}/link`, {
      headers: { authorization },
    });
    await expect(stage.browser().enrol(made.body.link)).rejects.toThrow('gone');
    expect((await stage.browser().enrol(again.body.link)).status).toBe(200);
    expect((await stage.ask('GET', '/admin/v1/operators')).status).toBe(401);
  });

  test('keep one admin who can sign in', async () => {
    const { id } = (await browser.get('/session')).body.session.operator;
    await browser.link('other-admin@example.com', 'admin');
    for (const change of [{ enabled: false }, { role: 'viewer' }]) {
      const { status, body } = await browser.call('PATCH', `/operators/${id}`, change);
      expect([status, body.code]).toEqual([409, 'conflict']);
    }
    expect((await browser.call('PATCH', `/operators/${id}`, {})).status).toBe(422);
  });
});
