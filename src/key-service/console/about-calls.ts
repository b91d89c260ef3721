import { PERMISSIONS } from '../../core/key.ts';
import { ACCEPTED_SCHEMES, AUTHORIZATION_SCHEMES, PROFILES, type Scheme } from '../../core/profile.ts';
import { REASONS } from '../../core/reasons.ts';
import { AUDIT_ACTIONS, AUDIT_KINDS } from '../store/ledger.ts';
import type { Answers } from './call.ts';
import { reasonAbout } from './history-calls.ts';
import type { SessionTimes } from './sessions.ts';
import type { About, ProfileAbout } from './wire.ts';

/** What the gate of this process says of a profile. */
export type ProfileAtGate = Pick<ProfileAbout, 'tiers' | 'url'>;

export interface AboutParts {
  readonly version: string;
  readonly times: SessionTimes;
  readonly profiles: () => Readonly<Record<string, ProfileAtGate>>;
}

export function aboutCalls({ version, times, profiles }: AboutParts): Answers<'GET /console/api/about'> {
  return {
    'GET /console/api/about': {
      answer: async () => {
        const atGate = profiles();
        const body: About = {
          version,
          profiles: PROFILES.map((profile) => ({
            profile,
            tiers: atGate[profile]?.tiers ?? [],
            headers: ACCEPTED_SCHEMES[profile].map(headerOf),
            url: atGate[profile]?.url ?? null,
            has_overlap: profile !== 'plextera',
          })),
          permissions: [...PERMISSIONS],
          reasons: Object.keys(REASONS).flatMap((reason) => reasonAbout(reason) ?? []),
          actions: [...AUDIT_ACTIONS],
          kinds: [...AUDIT_KINDS],
          session: { idle_ms: times.idleMs, longest_ms: times.longestMs },
        };
        return { status: 200, body };
      },
    },
  };
}

function headerOf(scheme: Scheme): string {
  return scheme === 'x-api-key'
    ? 'x-api-key: {key}'
    : `Authorization: ${AUTHORIZATION_SCHEMES[scheme]} {key}`;
}
