import type { Keys } from '../cases.ts';

/** A server under test. */
export interface Server {
  readonly name: string;
  readonly origin: string;
  readonly pid: number;
  readonly keys: Keys;
  /** The cases it takes part in. */
  readonly cases: ReadonlySet<string>;
}

const FORWARDING = ['get-32', 'get-256', 'half-load', 'large', 'upload', 'events'];

/** What a server can that only forwards. */
export const FORWARDS: ReadonlySet<string> = new Set([...FORWARDING, 'echo']);
export const FORWARDS_NO_WEBSOCKETS: ReadonlySet<string> = new Set(FORWARDING);
/** What one can that checks keys and limits too. */
export const GUARDS: ReadonlySet<string> = new Set([...FORWARDS, '401', '403', '429']);
/** What differs between the gate's modes. */
export const LIMITS: ReadonlySet<string> = new Set(['get-32', 'get-256', 'half-load', '429']);
export const HAS_NO_LIMITS: ReadonlySet<string> = new Set(['get-32', 'get-256', 'half-load']);
