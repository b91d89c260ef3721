import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { About, Role, Session } from '../../key-service/console/wire.ts';

/** Who is signed in, and what the key service offers: known to every page behind the sign-in. */
export interface Standing {
  readonly session: Session;
  readonly about: About;
}

export const StandingContext = createContext<Standing | null>(null);

export function useStanding(): Standing {
  const standing = useContext(StandingContext);
  if (standing === null) throw new Error('a page outside of a session');
  return standing;
}

const RANK: Readonly<Record<Role, number>> = { viewer: 0, operator: 1, admin: 2 };

/** The key service judges; this only spares people buttons that would be refused. */
export function useMay(role: Role): boolean {
  return RANK[useStanding().session.operator.role] >= RANK[role];
}
