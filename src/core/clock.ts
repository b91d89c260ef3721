/** The two times a process has. Core code is given instants and never reads a clock itself. */
export interface Clock {
  /** Milliseconds since 1970 by the wall clock, which may step. */
  now(): number;
  /** Milliseconds since some start by a clock that never goes back. */
  monotonic(): number;
}
