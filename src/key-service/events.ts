import type { MemberEvents } from './fleet/members.ts';

/** What the key service counts; whoever runs it makes metrics of it. */
export interface KeyServiceEvents extends MemberEvents {
  /**
   * A revocation has been answered: all members have acknowledged it (`certain`), some of them are fenced off
   * (`fenced`), or it is in the store and may not yet be known to all (`uncertain`).
   */
  revoked(result: RevocationResult, durationMs: number): void;
}

export const REVOCATION_RESULTS = ['certain', 'fenced', 'uncertain'] as const;
export type RevocationResult = (typeof REVOCATION_RESULTS)[number];

export const UNCOUNTED: KeyServiceEvents = {
  revoked: () => undefined,
  renewed: () => undefined,
  counted: () => undefined,
};
