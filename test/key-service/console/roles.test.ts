import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  CALLS,
  ROLES,
  type CallName,
  type CallTerms,
  type Role,
} from '../../../src/key-service/console/wire.ts';
import { openStage, type Stage } from './stage.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());

describe('every call, by every role', () => {
  const names = Object.keys(CALLS) as CallName[];
  const WHO = ['nobody', ...ROLES] as const;
  let made = 0;

  /** Signed in just now, so that nobody is asked to confirm. */
  const browserOf = (who: (typeof WHO)[number]) =>
    who === 'nobody' ? stage.browser() : stage.signedIn(who, `${who}-${made++}@example.com`);

  test.each(names)('%s', async (name) => {
    const terms: CallTerms = CALLS[name];
    const [method = '', path = ''] = name.split(' ');
    for (const who of WHO) {
      const browser = await browserOf(who);
      const { status, body } = await browser.call(
        method,
        path.replace('/console/api', '').replace(':id', 'nothing'),
      );
      const isSignedOut = who === 'nobody' && terms.role !== 'anyone';
      const lacks =
        who !== 'nobody' && terms.role !== 'anyone' && ROLES.indexOf(who) < ROLES.indexOf(terms.role);
      const expected = isSignedOut ? [401, 'signed_out'] : lacks ? [403, 'role'] : null;
      if (expected !== null) expect([who, status, body.code]).toEqual([who, ...expected]);
      else {
        expect([who, body.code]).not.toEqual([
          who,
          expect.toBeOneOf(['signed_out', 'role', 'foreign', 'confirm']),
        ]);
        expect([who, status]).toEqual([who, expect.not.toBeOneOf([403, 500])]);
      }
    }
  });

  test('a viewer who tries to act is in the audit by name, and nothing has changed', async () => {
    const { keyId } = await stage.keys.create();
    const viewer = await stage.signedIn('viewer');
    expect((await viewer.post(`/keys/${keyId}/revoke`)).body.code).toBe('role');
    expect((await stage.keys.service.showKey(keyId))?.status).toBe('active');
    const listed = await stage.keys.service.history.listAudit({ action: 'key.revoke', key: keyId });
    expect(listed).toMatchObject({
      rows: [{ outcome: 'forbidden', operator: 'viewer@example.com', subjectKeyId: keyId }],
    });
  });
});

test('the roles are in the order of what they may', () => {
  expect(ROLES).toEqual(['viewer', 'operator', 'admin'] satisfies Role[]);
});
