import type { Permission } from '../core/key.ts';
import { PROFILES, type Profile } from '../core/profile.ts';
import type { KeyService } from '../key-service/keys.ts';
import { hostAndPort } from '../runtime/listen.ts';

/** One key of the demo, to be shown once. */
export interface DemoKey {
  readonly profile: Profile;
  readonly permission: Permission;
  readonly text: string;
}

const TIERS: Record<Profile, string> = {
  plexe: 'basic',
  plextera: 'default',
  plexmcp: 'free',
  standard: 'default',
};
const PERMISSIONS: readonly Permission[] = ['read_write', 'read_only'];

/** A read-write and a read-only key for each profile, each with an owner of its own; those of the last start are revoked. */
export async function makeDemoKeys(service: KeyService): Promise<readonly DemoKey[]> {
  const keys: DemoKey[] = [];
  for (const profile of PROFILES) {
    for (const permission of PERMISSIONS) {
      const owner = `demo-${profile}-${permission.replace('_', '-')}`;
      await revokeActiveKeys(service, owner);
      await service.putOwner(owner, { profile, tier: TIERS[profile] });
      const created = await service.createKey({ owner, name: 'demo', profile, permission });
      if (created.kind !== 'created')
        throw new Error(`the demo key of ${owner} was not made: ${created.kind}`);
      keys.push({ profile, permission, text: created.key.reveal() });
    }
  }
  return keys;
}

async function revokeActiveKeys(service: KeyService, owner: string): Promise<void> {
  const listed = await service.listKeys({ owner, status: 'active' });
  if (listed.kind !== 'listed') throw new Error(`the demo keys of ${owner} cannot be listed`);
  for (const { record } of listed.keys) await service.revokeKey(record.keyId);
}

/** Where a server that listens everywhere is reached from the same machine. */
const LOOPBACK: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };

/** What a new user can paste: a line for each header format, one that is refused, one whose requests are limited. */
export function demoText(keys: readonly DemoKey[], host: string, port: number): string {
  const key = (profile: Profile, permission: Permission): string =>
    keys.find((candidate) => candidate.profile === profile && candidate.permission === permission)?.text ??
    '';
  const url = `http://${hostAndPort(LOOPBACK[host] ?? host, port)}`;
  const readWrite = key('plexe', 'read_write');
  const lines = [
    'Demo keys, good until the next start:',
    ...keys.map(({ profile, permission, text }) => `  ${profile.padEnd(9)}${permission.padEnd(11)}${text}`),
    '',
    'Allowed, one line for each header format:',
    `  curl -i ${url}/plexe/models -H 'Authorization: Bearer ${readWrite}'`,
    `  curl -i ${url}/plexe/models -H 'x-api-key: ${readWrite}'`,
    `  curl -i ${url}/plextera/api/public/v1/files -H 'Authorization: api-key ${key('plextera', 'read_write')}'`,
    `  curl -i ${url}/plexmcp/v1/mcps -H 'Authorization: ApiKey ${key('plexmcp', 'read_write')}'`,
    '',
    'Refused (a read-only key may not write):',
    `  curl -i -X POST ${url}/plexe/models -H 'x-api-key: ${key('plexe', 'read_only')}'`,
    '',
    'Limited (PlexMCP Free is 10 requests in any second; this sends 30):',
    `  curl -s -o /dev/null -w '%{http_code} ' '${url}/plexmcp/v1/mcps?[1-30]' -H 'Authorization: ApiKey ${key('plexmcp', 'read_write')}'; echo`,
    '',
  ];
  return lines.join('\n');
}
