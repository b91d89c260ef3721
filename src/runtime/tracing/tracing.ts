import type { TracingConfig } from '../../config/config.ts';
import type { Clock } from '../../core/clock.ts';
import type { TraceContext } from '../../core/trace-context.ts';

/** What a span says beside its name and its times. Nothing a client sent MUST be in it, but for ids. */
export type Attributes = Readonly<Record<string, string | number>>;

/** One that was never ended is never kept. Instants are monotonic milliseconds. */
export interface Span {
  readonly traceId: string;
  /** False: nobody keeps it, and what is said to it is lost. */
  readonly isRecorded: boolean;
  /** Tells another process whose child it is. */
  readonly traceparent: string;
  child(start: SpanStart): Span;
  event(name: string, at: number): void;
  /** Call once at most. */
  end(end: SpanEnd): void;
}

export interface SpanStart {
  readonly name: string;
  readonly kind: 'server' | 'client' | 'internal';
  readonly at: number;
  readonly attributes: Attributes;
}

export interface SpanEnd {
  /** In place of the one it began with. */
  readonly name?: string;
  readonly at: number;
  readonly attributes: Attributes;
  readonly failed: boolean;
}

/** Spans of this process on their way to a collector. Nothing waits for it, and nothing fails by it. */
export interface Tracing {
  readonly callers: TracingConfig['callers'];
  /** `caller`: whose part it is, whose word on keeping it holds; null: a trace begins here. */
  begin(start: SpanStart, caller: TraceContext | null): Span;
  /** Hands over what is left, within a deadline; answers how many spans were not taken. */
  close(): Promise<number>;
}

/** `dropped`: there were too many at once. `failed`: the collector did not take them. */
export const SPAN_RESULTS = ['exported', 'failed', 'dropped'] as const;
export type SpanResult = (typeof SPAN_RESULTS)[number];

export interface TracingEvents {
  /** What became of so many spans. `detail`: why they were not taken; holds nothing of the collector's words. */
  spans(result: SpanResult, count: number, detail: string | null): void;
}

export interface TracingOptions {
  readonly config: TracingConfig;
  readonly version: string;
  readonly clock: Clock;
  readonly events: TracingEvents;
  /** How long a span waits for others to go with it; by default a second. */
  readonly delayMs?: number;
  /** How long a batch may take with its repetitions; by default five seconds. */
  readonly exportMs?: number;
}

export async function openTracing(options: TracingOptions): Promise<Tracing> {
  // Loaded here alone: a process that traces nothing has none of it in memory.
  const { OtlpTracing } = await import('./otlp-tracing.ts');
  return new OtlpTracing(options);
}
