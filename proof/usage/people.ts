import type { AdminApi, MadeKey } from '../revocation/admin.ts';

/** Their tiers, whose limits are in `TIERS`. */
const FREE = 'team';
const LIMITED = 'free';
export const TIERS = { plexmcp: { [LIMITED]: ['20/second'], [FREE]: 'unlimited' } };

export const OWNERS = ['acme', 'beta', 'limited'] as const;

/** The keys of a run; each is of use in another way. */
export interface People {
  readonly good: readonly MadeKey[];
  readonly readOnly: readonly MadeKey[];
  readonly limited: readonly MadeKey[];
  readonly revoked: readonly MadeKey[];
}

/** Makes them where nothing is wrong. */
export async function makePeople(admin: AdminApi, count: number): Promise<People> {
  for (const owner of OWNERS)
    await admin.putOwner(owner, { profile: 'plexmcp', tier: owner === 'limited' ? LIMITED : FREE });
  const make = async (owner: string, permission = 'read_write'): Promise<MadeKey> => {
    const { status, body } = await admin.create(owner, { profile: 'plexmcp', permission });
    if (status !== 201) throw new Error(`a key was not made: ${status} ${JSON.stringify(body)}`);
    return { keyId: String(body['key_id']), key: String(body['key']), owner };
  };
  const several = async (n: number, one: (i: number) => Promise<MadeKey>): Promise<MadeKey[]> => {
    const made: MadeKey[] = [];
    for (let i = 0; i < n; i++) made.push(await one(i));
    return made;
  };
  const good = await several(count, (i) => make(i % 2 === 0 ? 'acme' : 'beta'));
  const readOnly = await several(Math.ceil(count / 5), () => make('acme', 'read_only'));
  const limited = await several(Math.ceil(count / 10), () => make('limited'));
  const revoked = await several(2, () => make('beta'));
  for (const { keyId } of revoked) {
    const { status } = await admin.revoke(keyId);
    if (status !== 200) throw new Error(`a key was not revoked: ${status}`);
  }
  return { good, readOnly, limited, revoked };
}

export function everybody({ good, readOnly, limited, revoked }: People): MadeKey[] {
  return [...good, ...readOnly, ...limited, ...revoked];
}
