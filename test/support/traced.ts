import { systemClock } from '../../src/runtime/clock.ts';
import type { TracingConfig } from '../../src/config/config.ts';
import { openTracing, type SpanResult, type Tracing } from '../../src/runtime/tracing/tracing.ts';
import { startCollector, type CollectedSpan, type Collector } from './collector.ts';
import { until } from './until.ts';

/** Tracing with a collector of its own, and what it says of its spans. */
export interface Traced {
  readonly tracing: Tracing;
  readonly collector: Collector;
  readonly counts: Record<SpanResult, number>;
  readonly details: readonly string[];
  /** All spans of this trace, once the collector has so many of them: the request's own first, children as they began. */
  trace(traceId: string, spans: number): Promise<readonly CollectedSpan[]>;
  stop(): Promise<void>;
}

export async function startTraced(config: Partial<TracingConfig> = {}, exportMs = 5000): Promise<Traced> {
  const collector = await startCollector();
  const counts: Record<SpanResult, number> = { exported: 0, failed: 0, dropped: 0 };
  const details: string[] = [];
  const tracing = await openTracing({
    config: {
      endpoint: collector.endpoint,
      sample: 1,
      callers: 'any',
      headers: new Map(),
      service: 'gate-of-a-test',
      resource: new Map(),
      ...config,
    },
    version: 'test',
    delayMs: 10,
    exportMs,
    clock: systemClock,
    events: {
      spans(result, count, detail) {
        counts[result] += count;
        if (detail !== null) details.push(detail);
      },
    },
  });
  return {
    tracing,
    collector,
    counts,
    details,
    async trace(traceId, spans) {
      const found = (): CollectedSpan[] => collector.spans.filter((span) => span.traceId === traceId);
      await until(`${spans} spans of the trace`, () => {
        return found().length >= spans && found().some(({ kind }) => kind === 'server');
      });
      const ids = new Set(found().map(({ spanId }) => spanId));
      return found().toSorted((a, b) => {
        const [aIsFirst, bIsFirst] = [a, b].map(({ parentSpanId }) => !ids.has(parentSpanId));
        return aIsFirst === bIsFirst ? Number(a.from - b.from) : aIsFirst === true ? -1 : 1;
      });
    },
    async stop() {
      await tracing.close();
      await collector.stop();
    },
  };
}
