import type { Keys } from '../cases.ts';

export interface Question {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** A server under test. */
export interface Server {
  readonly name: string;
  readonly origin: string;
  readonly pid: number;
  readonly keys: Keys;
  /** Others that a request takes as well: their processor time and memory count, too. */
  readonly behind?: readonly number[];
  /** How it is asked about a request, where it is not sent the request itself. */
  readonly question?: (method: string, path: string) => Question;
  /** The cases it takes part in. */
  readonly cases: ReadonlySet<string>;
}

const FORWARDING = ['get-32', 'get-256', 'half-load', 'large', 'upload', 'events'];

/** What a server can that only forwards. */
export const FORWARDS: ReadonlySet<string> = new Set([...FORWARDING, 'echo']);
export const FORWARDS_NO_WEBSOCKETS: ReadonlySet<string> = new Set(FORWARDING);
/** What one can that checks keys and limits too. */
export const GUARDS: ReadonlySet<string> = new Set([...FORWARDS, '401', '403', '429']);
/** What a proxy can that asks: all but streams, whose path its recipe does not know. */
export const ASKS: ReadonlySet<string> = new Set([
  'get-32',
  'get-256',
  'half-load',
  'large',
  'upload',
  '401',
  '403',
  '429',
]);
/** What can be asked. */
export const DECIDES: ReadonlySet<string> = new Set(['get-32', 'get-256', 'half-load', '401', '403', '429']);
/** What differs between the gate's modes. */
export const LIMITS: ReadonlySet<string> = new Set(['get-32', 'get-256', 'half-load', '429']);
export const HAS_NO_LIMITS: ReadonlySet<string> = new Set(['get-32', 'get-256', 'half-load']);
