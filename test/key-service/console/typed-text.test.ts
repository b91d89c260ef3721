import { describe, expect, test } from 'vitest';
import { PASSWORD, startStage } from './stage.ts';

describe('what somebody has typed', () => {
  const SCRIPT = `"><script>alert(1)</script><img src=x onerror=alert(1)>`;

  test('comes back as JSON text, in every field that takes text', async () => {
    const stage = await startStage();
    const operator = await stage.signedIn('operator');
    const body = { owner: 'acme', name: SCRIPT, profile: 'plexe', permission: 'read_only' };
    const { row } = (await operator.post('/keys', body)).body;
    await operator.call('POST', '/keys/nothing/revoke', {}, { 'user-agent': SCRIPT, 'x-request-id': 'seen' });
    for (const path of [
      `/keys/${row.key_id}`,
      '/keys',
      `/keys?search=${encodeURIComponent(SCRIPT.slice(0, 20))}`,
      '/audit',
      '/explain/seen',
    ]) {
      const { status, headers, text } = await operator.get(path);
      expect([path, status, headers['content-type'], headers['x-content-type-options']]).toEqual([
        path,
        200,
        'application/json',
        'nosniff',
      ]);
      expect(text).toContain(JSON.stringify(SCRIPT).slice(1, -1));
    }
    const email = '<script>@example.com';
    const admin = await stage.signedIn('admin');
    expect((await admin.link(email, 'viewer')).operator.email).toBe(email);
  });

  test('is not repeated where it is refused', async () => {
    const stage = await startStage();
    const operator = await stage.signedIn('operator');
    const refusals = [
      await operator.post('/keys', { owner: SCRIPT, name: 'k', profile: SCRIPT, permission: SCRIPT }),
      await operator.get(`/keys?status=${encodeURIComponent(SCRIPT)}`),
      await operator.get(`/explain/${encodeURIComponent(SCRIPT)}`),
      await operator.get(`/${encodeURIComponent(SCRIPT)}`),
    ];
    for (const { status, headers, text } of refusals) {
      expect(status).toBeGreaterThanOrEqual(400);
      expect(headers['content-type']).toBe('application/problem+json');
      expect(text).not.toContain('<script>');
    }
  });

  test('of keys, passwords, codes and tokens nothing is logged', async () => {
    const stage = await startStage();
    const operator = await stage.signedIn('operator');
    const { key, row } = await operator.key();
    await operator.post(`/keys/${row.key_id}/rotate`, { overlap: '1h' });
    await operator.post(`/keys/${row.key_id}/revoke`);
    expect(stage.lines.length).toBeGreaterThan(2);
    for (const secret of [key, PASSWORD, operator.csrf, operator.cookie.split('=')[1] ?? '?']) {
      expect(stage.lines.join('\n')).not.toContain(secret);
    }
  });
});
