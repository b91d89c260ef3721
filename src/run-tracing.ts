import type { TracingConfig } from './config/config.ts';
import type { Process } from './process.ts';
import { systemClock } from './runtime/clock.ts';
import { openTracing, SPAN_RESULTS, type SpanResult, type Tracing } from './runtime/tracing/tracing.ts';
import { VERSION } from './version.ts';

/** Call before whatever has spans is started, so that it is stopped after it. Null where nothing is traced. */
export async function startTracing(
  config: TracingConfig | null,
  { log, metrics, stops }: Omit<Process, 'tracing'>,
): Promise<Tracing | null> {
  for (const result of SPAN_RESULTS) metrics.traceSpans.labels(result).inc(0);
  if (config === null) return null;
  let isTaken = true;
  const tracing = await openTracing({
    config,
    version: VERSION,
    clock: systemClock,
    events: {
      spans(result: SpanResult, count: number, detail: string | null) {
        metrics.traceSpans.labels(result).inc(count);
        // Once, however many batches it concerns.
        if (result === 'failed' && isTaken) log.warn({ detail: detail ?? '' }, 'spans are not taken');
        if (result === 'exported' && !isTaken) log.info({}, 'spans are taken again');
        if (result !== 'dropped') isTaken = result === 'exported';
      },
    },
  });
  stops.push('tracing', async () => {
    const left = await tracing.close();
    if (left > 0) log.warn({ detail: `${left} spans` }, 'spans were left over at the end');
  });
  return tracing;
}
