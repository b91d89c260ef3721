import type { StopStack } from './runtime/lifecycle.ts';
import type { Log } from './runtime/log.ts';
import type { Metrics } from './runtime/metrics.ts';
import type { Tracing } from './runtime/tracing/tracing.ts';

/** What every part of the process is given. */
export interface Process {
  readonly log: Log;
  readonly metrics: Metrics;
  readonly stops: StopStack;
  readonly stop: AbortSignal;
  /** Null: nothing is traced. */
  readonly tracing: Tracing | null;
}
