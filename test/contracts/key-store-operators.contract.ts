import { describe, expect, test } from 'vitest';
import type { StoredLink, StoredOperator, StoredSession } from '../../src/key-service/store/operators.ts';
import type { KeyStore } from '../../src/key-service/store/store.ts';
import { NEWEST, NO_FILTER } from './key-store-audit.contract.ts';
import { ACTOR, PAGE, T0, owner } from './key-store.sample.ts';

const SEALED = { pepperId: 'p1', text: 'sealed' };
const MINUTE = 60_000;

function operator(id: string, more: Partial<StoredOperator> = {}): StoredOperator {
  return {
    id,
    email: `${id}@example.com`,
    role: 'viewer',
    password: null,
    totp: null,
    totpCounter: -1,
    enabled: true,
    createdAt: T0,
    lastSignInAt: null,
    ...more,
  };
}

function link(operatorId: string | null, more: Partial<StoredLink> = {}): StoredLink {
  return { tokenHash: `link of ${operatorId}`, operatorId, totp: SEALED, endsAt: T0 + MINUTE, ...more };
}

function session(operatorId: string, more: Partial<StoredSession> = {}): StoredSession {
  return {
    tokenHash: `session of ${operatorId}`,
    operatorId,
    createdAt: T0,
    seenAt: T0,
    confirmedAt: T0,
    ...more,
  };
}

const AUDIT = { draft: { ...ACTOR, action: 'operator.create' as const }, at: T0 };
const ENROLLED = { password: 'hash', totpCounter: 7, first: null };
const FOREVER = { createdBefore: 0, seenBefore: 0 };

/** How every key store keeps operators; `open` answers the store of the running test. */
export function operatorsContract(open: () => KeyStore): void {
  describe('operators', () => {
    operators(open);
    links(open);
    sessions(open);
    attempts(open);
  });
  test('owners are listed by what their ids begin with', async () => {
    for (const id of ['acme', 'acme-2', 'acm', 'beta', 'ACME']) await open().putOwner(owner(id), T0);
    const found = await open().listOwners(PAGE, 'acme');
    expect([found.owners.map(({ id }) => id), found.total]).toEqual([['acme', 'acme-2'], 2]);
  });
}

function operators(open: () => KeyStore): void {
  test('one is read back as it was put, and no other has its email', async () => {
    const store = open().operators;
    expect(await store.hasOperators()).toBe(false);
    const ada = operator('ada', { password: 'hash', totp: SEALED, totpCounter: 2 ** 40, role: 'admin' });
    expect(await store.insertOperator(ada, AUDIT)).toBe(true);
    expect(await store.insertOperator(operator('other', { email: ada.email }), AUDIT)).toBe(false);
    expect(await store.operatorByEmail('ada@example.com')).toEqual(ada);
    expect(await store.operatorById('ada')).toEqual(ada);
    expect(await store.operatorById('other')).toBeNull();
    await store.insertOperator(operator('Abe', { email: 'abe@example.com' }), AUDIT);
    expect((await store.listOperators()).map(({ id }) => id)).toEqual(['Abe', 'ada']);
    const rows = await open().listAudit(NO_FILTER, NEWEST);
    expect(rows.map(({ action, outcome, subjectOperator }) => [action, outcome, subjectOperator])).toEqual([
      ['operator.create', 'done', 'abe@example.com'],
      ['operator.create', 'done', 'ada@example.com'],
    ]);
    expect(await open().peppersInUse()).toEqual(['p1']);
  });

  test('a new role or the end of one ends its sessions, and the last admin stays', async () => {
    const store = open().operators;
    const admin = { role: 'admin', password: 'hash' };
    await store.insertOperator(operator('ada', admin), AUDIT);
    await store.insertOperator(operator('new', { role: 'admin' }), AUDIT);
    await store.startSession(session('ada'), null, FOREVER);
    const end = { role: null, enabled: false };
    expect(await store.patchOperator('ada', end, AUDIT)).toEqual({ kind: 'last_admin' });
    expect(await store.patchOperator('ada', { role: 'viewer', enabled: null }, AUDIT)).toEqual({
      kind: 'last_admin',
    });
    expect(await store.session('session of ada')).toEqual(session('ada'));
    await store.insertOperator(operator('bob', admin), AUDIT);
    expect(await store.patchOperator('ada', end, AUDIT)).toMatchObject({
      kind: 'patched',
      operator: { enabled: false, role: 'admin' },
    });
    expect(await store.session('session of ada')).toBeNull();
    expect(await store.patchOperator('nobody', end, AUDIT)).toEqual({ kind: 'unknown' });
  });

  test('a code is used once, and none before it afterwards, however many ask at once', async () => {
    const store = open().operators;
    await store.insertOperator(operator('ada'), AUDIT);
    const used = await Promise.all(Array.from({ length: 5 }, () => store.useCode('ada', 9)));
    expect(used.filter(Boolean)).toHaveLength(1);
    expect(await store.useCode('ada', 8)).toBe(false);
    expect(await store.useCode('ada', 10)).toBe(true);
    expect(await store.useCode('nobody', 10)).toBe(false);
  });
}

function links(open: () => KeyStore): void {
  test('a link is used once, up to its end, and a new one takes the place of the old', async () => {
    const store = open().operators;
    await store.insertOperator(operator('ada'), AUDIT);
    await store.putLink(link('ada', { tokenHash: 'old' }), AUDIT);
    await store.putLink(link('ada'), AUDIT);
    await store.startSession(session('ada'), null, FOREVER);
    expect(await store.link('old', T0)).toBeNull();
    expect(await store.link('link of ada', T0)).toEqual(link('ada'));
    expect(await store.link('link of ada', T0 + MINUTE)).toBeNull();
    const late = { ...AUDIT, at: T0 + MINUTE };
    expect(await store.useLink('link of ada', ENROLLED, late)).toEqual({ kind: 'gone' });
    const used = await Promise.all([1, 2, 3].map(() => store.useLink('link of ada', ENROLLED, AUDIT)));
    expect(used.map(({ kind }) => kind).sort()).toEqual(['gone', 'gone', 'used']);
    expect(await store.operatorById('ada')).toMatchObject({ password: 'hash', totp: SEALED, totpCounter: 7 });
    expect(await store.session('session of ada')).toBeNull();
  });

  test('the first link makes the first operator, and none where there is one', async () => {
    const store = open().operators;
    await store.putLink(link(null, { tokenHash: 'before' }), null);
    await store.putLink(link(null), null);
    expect(await store.link('before', T0)).toBeNull();
    const first = { id: 'ada', email: 'ada@example.com', role: 'admin' };
    expect(await store.useLink('link of null', ENROLLED, AUDIT)).toEqual({ kind: 'gone' });
    expect(await store.useLink('link of null', { ...ENROLLED, first }, AUDIT)).toEqual({
      kind: 'used',
      operator: operator('ada', { role: 'admin', password: 'hash', totp: SEALED, totpCounter: 7 }),
    });
    await store.putLink(link(null), null);
    const again = { ...ENROLLED, first: { ...first, id: 'eve', email: 'eve@example.com' } };
    expect(await store.useLink('link of null', again, AUDIT)).toEqual({ kind: 'gone' });
    expect(await store.operatorById('eve')).toBeNull();
  });
}

function sessions(open: () => KeyStore): void {
  test('a session is kept until it ends, or all of its operator do', async () => {
    const store = open().operators;
    for (const id of ['ada', 'bob']) await store.insertOperator(operator(id), AUDIT);
    for (const tokenHash of ['a1', 'a2'])
      await store.startSession(session('ada', { tokenHash }), null, FOREVER);
    await store.startSession(session('bob'), null, FOREVER);
    await store.touchSession('a1', T0 + 5);
    await store.touchSession('a1', T0 + 3);
    expect(await store.session('a1')).toMatchObject({ seenAt: T0 + 5, confirmedAt: T0 });
    await store.confirmSession('a1', T0 + 9);
    expect(await store.session('a1')).toMatchObject({ seenAt: T0 + 9, confirmedAt: T0 + 9, createdAt: T0 });
    await store.endSession('a2');
    expect(await store.session('a2')).toBeNull();
    await store.endSessionsOf('ada');
    expect(await store.session('a1')).toBeNull();
    expect(await store.session('session of bob')).not.toBeNull();
    expect(await store.operatorById('ada')).toMatchObject({ lastSignInAt: T0 });
  });

  test('a new one takes the place of the one before and lets go of those that are over', async () => {
    const store = open().operators;
    await store.insertOperator(operator('ada'), AUDIT);
    const old = { createdAt: T0 - 10, seenAt: T0 };
    await store.startSession(session('ada', { tokenHash: 'idle', seenAt: T0 - 5 }), null, FOREVER);
    await store.startSession(session('ada', { tokenHash: 'long', ...old }), null, FOREVER);
    await store.startSession(session('ada', { tokenHash: 'mine' }), null, FOREVER);
    const over = { createdBefore: T0 - 9, seenBefore: T0 - 4 };
    await store.startSession(session('ada', { tokenHash: 'new' }), 'mine', over);
    const left = await Promise.all(['idle', 'long', 'mine', 'new'].map((hash) => store.session(hash)));
    expect(left.map((one) => one?.tokenHash ?? null)).toEqual([null, null, null, 'new']);
  });
}

function attempts(open: () => KeyStore): void {
  test('attempts are counted within their window, none lost of those made at once, and taken back', async () => {
    const store = open().operators;
    const counts = await Promise.all(
      Array.from({ length: 8 }, () => store.countAttempts(['b', 'a'], T0, MINUTE)),
    );
    const ofA = counts.map((pair) => pair.find(({ subject }) => subject === 'a')?.count ?? 0);
    expect(ofA.sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    await store.uncountAttempts(['a']);
    expect(await store.countAttempts(['a'], T0 + MINUTE - 1, MINUTE)).toEqual([
      { subject: 'a', count: 8, firstAt: T0 },
    ]);
    expect(await store.countAttempts(['a'], T0 + MINUTE, MINUTE)).toEqual([
      { subject: 'a', count: 1, firstAt: T0 + MINUTE },
    ]);
    expect(await store.countAttempts(['b'], T0 + MINUTE + 1, MINUTE)).toMatchObject([{ count: 1 }]);
  });
}
