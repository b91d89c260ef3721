/* oxlint-disable vitest/no-standalone-expect, vitest/valid-expect -- called by tests; the second argument says what differs */
import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import { composeKey, KEY_PREFIXES } from '../../src/core/key-shape.ts';
import type { Permission } from '../../src/core/key.ts';
import type { Profile } from '../../src/core/profile.ts';
import type { KeyDraft } from '../../src/key-service/drafts.ts';
import type { TestGate } from './gate.ts';

interface OwnerFixture {
  readonly profile: Profile;
  readonly tier: string;
  readonly workspace?: string;
  readonly limits?: readonly string[];
}

const OWNERS: Record<string, OwnerFixture> = {
  'account-a': { profile: 'plexe', tier: 'basic' },
  'account-p': { profile: 'plexe', tier: 'pro' },
  'account-e': { profile: 'plexe', tier: 'enterprise', limits: ['2000/minute'] },
  'account-u': { profile: 'plexe', tier: 'enterprise' },
  'account-off': { profile: 'plexe', tier: 'basic' },
  'workspace-1': { profile: 'plextera', tier: 'default', workspace: 'W1' },
  'workspace-off': { profile: 'plextera', tier: 'default', workspace: 'W0' },
  'org-f': { profile: 'plexmcp', tier: 'free' },
  'org-p': { profile: 'plexmcp', tier: 'pro' },
  'org-t': { profile: 'plexmcp', tier: 'team' },
  'org-10': { profile: 'plexmcp', tier: 'free', limits: ['10/minute'] },
  'org-off': { profile: 'plexmcp', tier: 'free' },
  'owner-s': { profile: 'standard', tier: 'default' },
};

interface KeyFixture {
  readonly owner: string;
  readonly permission?: Permission;
  readonly limits?: readonly string[];
  readonly mcps?: readonly string[];
  /** The key lives for an hour; `past`: and that was yesterday. */
  readonly expires?: 'past' | 'soon';
  readonly revoked?: boolean;
}

const HOUR_MS = 3_600_000;

const KEYS: Record<string, KeyFixture> = {
  RW: { owner: 'account-a' },
  RW2: { owner: 'account-a' },
  RO: { owner: 'account-a', permission: 'read_only' },
  EXP: { owner: 'account-a', expires: 'past' },
  ROEXP: { owner: 'account-a', permission: 'read_only', expires: 'past' },
  REV: { owner: 'account-a', revoked: true },
  BOTH: { owner: 'account-a', revoked: true, expires: 'past' },
  HOUR: { owner: 'account-a', expires: 'soon' },
  LATE: { owner: 'account-a' },
  OFF: { owner: 'account-off' },
  PRW: { owner: 'account-p' },
  ERW: { owner: 'account-e' },
  URW: { owner: 'account-u' },
  T1: { owner: 'workspace-1' },
  TD: { owner: 'workspace-1', revoked: true },
  TOFF: { owner: 'workspace-off' },
  M1: { owner: 'org-f' },
  MS: { owner: 'org-f', mcps: ['mcp_123'] },
  MRO: { owner: 'org-f', permission: 'read_only' },
  MP: { owner: 'org-p' },
  MT: { owner: 'org-t' },
  MX: { owner: 'org-f', expires: 'past' },
  MR: { owner: 'org-f', revoked: true },
  MK: { owner: 'org-10', limits: ['5/minute'] },
  MK2: { owner: 'org-10' },
  MOFF: { owner: 'org-off' },
  S: { owner: 'owner-s' },
  SRO: { owner: 'owner-s', permission: 'read_only' },
};

/** Keys that no store has: of our own shape and intact, so that only a lookup can tell. */
function unknownKey(): string {
  return composeKey(KEY_PREFIXES.plexe, randomBytes);
}

/** The keys of one case, made at run time in the gate's own key service. */
export class Fixtures {
  readonly #gate: TestGate;
  readonly #made = new Map<string, { readonly id: string; readonly text: string }>();
  readonly #owners = new Set<string>();
  /** Every key text that has been used, unknown ones included: none may be in any output. */
  readonly texts: string[] = [];

  constructor(gate: TestGate) {
    this.#gate = gate;
  }

  /** Makes the fixtures that `text` names, lets the expired ones expire and revokes the revoked ones. */
  async prepare(text: string): Promise<void> {
    const names = Object.keys(KEYS).filter(
      (name) => name !== 'LATE' && new RegExp(`\\{${name}[}.]`).test(text),
    );
    const expired = names.filter((name) => KEYS[name]?.expires === 'past');
    for (const name of expired) await this.create(name);
    if (expired.length > 0) this.#gate.advance(25 * HOUR_MS);
    for (const name of names) if (!expired.includes(name)) await this.create(name);
    for (const name of names) if (KEYS[name]?.revoked === true) await this.revoke(name);
  }

  async create(name: string): Promise<void> {
    const fixture = KEYS[name];
    const owner = OWNERS[fixture?.owner ?? ''];
    if (fixture === undefined || owner === undefined) throw new Error(`no fixture ${name}`);
    if (!this.#owners.has(fixture.owner)) await this.#putOwner(fixture.owner, true);
    const key = {
      owner: fixture.owner,
      name: `fixture ${name}`,
      profile: owner.profile,
      permission: fixture.permission ?? 'read_write',
      limits: fixture.limits ?? [],
      mcps: fixture.mcps ?? '*',
    };
    const expiresAt = fixture.expires === undefined ? null : await this.#anHourFromNow(key);
    const created = await this.#gate.service.createKey({ ...key, expiresAt });
    if (created.kind !== 'created') throw new Error(`the fixture ${name} was not created: ${created.kind}`);
    this.#made.set(name, {
      id: created.view.record.keyId,
      text: this.#remember(created.key.reveal()),
    });
  }

  /** A key that an answer has shown. */
  keepKey(name: string, { id, text }: { readonly id: string; readonly text: string }): void {
    this.#made.set(name, { id, text: this.#remember(text) });
  }

  /** Any other text of an answer. */
  keepText(name: string, text: string): void {
    this.#made.set(name, { id: '', text });
  }

  async revoke(name: string): Promise<void> {
    const revoked = await this.#gate.service.revokeKey(this.#made.get(name)?.id ?? '');
    expect(revoked.kind).toBe('revoked');
  }

  async disable(owner: string): Promise<void> {
    await this.#putOwner(owner, false);
  }

  async #putOwner(id: string, enabled: boolean): Promise<void> {
    const owner = OWNERS[id];
    if (owner === undefined) throw new Error(`no owner ${id}`);
    const put = await this.#gate.service.putOwner(id, { ...owner, enabled });
    expect(put.kind).toBe('put');
    this.#owners.add(id);
  }

  /** By the key service's own clock, which a key made on the way tells. */
  async #anHourFromNow(key: KeyDraft): Promise<string> {
    const created = await this.#gate.service.createKey({ ...key, name: 'a look at the clock' });
    if (created.kind !== 'created') throw new Error(`no key: ${created.kind}`);
    return new Date(created.view.record.createdAt + HOUR_MS).toISOString();
  }

  /** The text with every placeholder filled in; each `{UNKNOWN}` is another key. */
  fill(text: string): string {
    return text.replace(/\{([A-Z][A-Z0-9]*)(\.id)?\}/g, (_, name: string, id: string | undefined) => {
      if (name === 'UNKNOWN') return this.#remember(unknownKey());
      if (name === 'LONG') return this.#remember(unknownKey().padEnd(4096, 'x'));
      if (name === 'UNK' && !this.#made.has(name)) {
        this.#made.set(name, { id: '', text: this.#remember(unknownKey()) });
      }
      const made = this.#made.get(name);
      if (made === undefined) throw new Error(`the fixture ${name} was not made`);
      return id === undefined ? made.text : made.id;
    });
  }

  #remember(text: string): string {
    this.texts.push(text);
    return text;
  }
}
