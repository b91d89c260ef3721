import type { Role } from '../../../key-service/console/wire.ts';

/** What each may, in few words; the key service judges. */
const MEANINGS: Readonly<Record<Role, string>> = {
  viewer: 'Viewer: looks',
  operator: 'Operator: acts on keys',
  admin: 'Admin: and on operators',
};

export const ROLES_OFFERED = (Object.entries(MEANINGS) as [Role, string][]).map(([value, label]) => ({
  value,
  label,
}));
