import { describe, expect, it } from 'vitest';
import { formatLimit } from '../../src/core/limit.ts';
import { Policies, type Policy } from '../../src/proxy/policy.ts';
import { limitsOf, recordOf } from '../support/key-record.ts';
import { proxyConfigOf } from '../support/proxy-config.ts';

const CONFIG = `
proxy:
  tiers:
    plexe: { basic: [100/minute], pro: [10/second, 500/minute], enterprise: unlimited }
    plexmcp: { free: [10/second], enterprise: unlimited }
  routes: [{ match: { path: / }, profile: standard, upstream: 'http://127.0.0.1:1' }]
keyService: {}
`;

function policyOf(key: Parameters<typeof recordOf>[0], env: Record<string, string> = {}): Policy {
  return new Policies(proxyConfigOf(CONFIG, env)).of(recordOf(key));
}

/** `owner:owner-1 owner-minute=100/minute` and so on. */
function told(spendings: Policy['spendings']): string[] {
  return spendings.map(({ partition, limits }) =>
    [partition, ...limits.map((limit) => `${limit.name}=${formatLimit(limit)}`)].join(' '),
  );
}

const OWNERS_BASIC = 'owner:owner-1 owner-minute=100/minute';

describe('the limits of a key are', () => {
  const own = { limits: limitsOf('7/hour') };
  const unlimited = { limits: [] };
  const CASES: Record<string, [Parameters<typeof recordOf>[0], string[]]> = {
    "its owner's tier": [{}, [OWNERS_BASIC]],
    'every limit of the tier': [
      { owner: { tier: 'pro' } },
      ['owner:owner-1 owner-second=10/second owner-minute=500/minute'],
    ],
    'none in an unlimited tier': [{ owner: { tier: 'enterprise' } }, []],
    'those of the first tier where the tier has no such name': [{ owner: { tier: 'gold' } }, [OWNERS_BASIC]],
    'those of the first tier where the tier is called like a member of every object': [
      { owner: { tier: 'constructor' } },
      [OWNERS_BASIC],
    ],
    "its owner's own in place of the tier's": [
      { owner: { tier: 'pro', ...own } },
      ['owner:owner-1 owner-hour=7/hour'],
    ],
    'none where its owner has none of its own': [{ owner: { tier: 'basic', ...unlimited } }, []],
    'those of an owner in an unlimited tier': [
      { owner: { tier: 'enterprise', ...own } },
      ['owner:owner-1 owner-hour=7/hour'],
    ],
    'its own beside those of its owner': [
      { limits: limitsOf('5/minute') },
      [OWNERS_BASIC, 'key:key-1 key-minute=5/minute'],
    ],
    'its own alone where its owner has none': [
      { limits: limitsOf('5/minute'), owner: { tier: 'enterprise' } },
      ['key:key-1 key-minute=5/minute'],
    ],
    'the smaller of two over one window': [
      { limits: limitsOf('5/minute 3/60s 9/second') },
      [OWNERS_BASIC, 'key:key-1 key-minute=3/minute key-second=9/second'],
    ],
    'one of two that are the same': [
      { limits: limitsOf('5/minute 5/60s'), owner: { limits: limitsOf('8/second 8/second 8/second') } },
      ['owner:owner-1 owner-second=8/second', 'key:key-1 key-minute=5/minute'],
    ],
  };

  it.each(Object.entries(CASES))('%s', (_, [key, expected]) => {
    expect(told(policyOf(key).spendings)).toEqual(expected);
  });
});

describe('what a 403 spends', () => {
  it("is an allowance of the owner's size, without the key's own limits", () => {
    expect(told(policyOf({ limits: limitsOf('5/minute') }).forbidden)).toEqual([OWNERS_BASIC]);
  });

  it('is nothing where the owner has no limits', () => {
    expect(policyOf({ limits: limitsOf('5/minute'), owner: { tier: 'enterprise' } }).forbidden).toEqual([]);
  });
});

describe('the label of a tier', () => {
  it.each([
    [{ profile: 'plexe', tier: 'pro' }, 'plexe/pro'],
    [{ profile: 'plexe', tier: 'pro', limits: limitsOf('7/hour') }, 'plexe/pro'],
    [{ profile: 'plexe', tier: 'what-a-client-made-up' }, 'plexe/other'],
    [{ profile: 'plexmcp', tier: 'pro' }, 'plexmcp/other'],
    [{ profile: 'plexmcp', tier: 'free' }, 'plexmcp/free'],
  ] as const)('of %o comes from the configuration: %s', (owner, label) => {
    expect(policyOf({ owner }).tierLabel).toBe(label);
  });
});

describe('PLEXMCP_SELF_HOSTED', () => {
  const limited = { limits: limitsOf('5/minute'), owner: { profile: 'plexmcp', tier: 'free' } } as const;

  it.each(['true', 'TRUE', 'True', '1'])('=%s lifts every limit of owners of plexmcp', (value) => {
    expect(policyOf(limited, { PLEXMCP_SELF_HOSTED: value })).toMatchObject({ spendings: [], forbidden: [] });
  });

  it.each(['', '0', 'false', 'yes', ' true'])('=%j lifts none', (value) => {
    expect(policyOf(limited, { PLEXMCP_SELF_HOSTED: value }).spendings).toHaveLength(2);
  });

  it('leaves owners of other profiles their limits', () => {
    expect(told(policyOf({}, { PLEXMCP_SELF_HOSTED: 'true' }).spendings)).toEqual([OWNERS_BASIC]);
  });
});

it('a policy is derived once for a record, and anew for the record that follows it', () => {
  const policies = new Policies(proxyConfigOf(CONFIG));
  const record = recordOf({});
  expect(policies.of(record)).toBe(policies.of(record));
  expect(policies.of({ ...record, limits: limitsOf('1/second') })).not.toEqual(policies.of(record));
});

it('keys of one owner share its policy, but for those with limits of their own, in whatever order they come', () => {
  const policies = new Policies(proxyConfigOf(CONFIG));
  const plain = recordOf({ keyId: 'plain' });
  const { owner } = plain;
  const limited = { ...recordOf({ keyId: 'limited' }), owner, limits: limitsOf('1/second') };
  const partitionsOf = (key: typeof plain) => policies.of(key).spendings.map(({ partition }) => partition);
  expect(partitionsOf(limited)).toEqual([`owner:${owner.id}`, 'key:limited']);
  expect(partitionsOf(plain)).toEqual([`owner:${owner.id}`]);
  expect(policies.of({ ...recordOf({ keyId: 'other' }), owner })).toBe(policies.of(plain));
  expect(partitionsOf(limited)).toEqual([`owner:${owner.id}`, 'key:limited']);
});

it('with other tiers every policy is another one, also for a record that was judged before', () => {
  const policies = new Policies(proxyConfigOf(CONFIG));
  const record = recordOf({});
  const before = policies.of(record);
  policies.adopt(proxyConfigOf(CONFIG.replaceAll('100/minute', '7/minute')));
  const [spending] = policies.of(record).spendings;
  expect(spending?.limits[0]).toMatchObject({ quota: 7 });
  expect(before.spendings[0]?.limits[0]).not.toMatchObject({ quota: 7 });
});
