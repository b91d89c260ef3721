import { Agent } from 'node:http';
import { Agent as TlsAgent } from 'node:https';
import { getCACertificates } from 'node:tls';
import {
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
  type Context,
  type HrTime,
  type Span as ApiSpan,
  type Tracer,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { ParentBasedSampler, TraceIdRatioBasedSampler, TracerProvider } from '@opentelemetry/sdk-trace';
import type { TracingConfig } from '../../config/config.ts';
import type { Clock } from '../../core/clock.ts';
import { writeTraceparent, type TraceContext } from '../../core/trace-context.ts';
import { SpanQueue } from './span-queue.ts';
import type { Span, SpanEnd, SpanStart, Tracing, TracingOptions } from './tracing.ts';

const KINDS = {
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  internal: SpanKind.INTERNAL,
} as const satisfies Record<SpanStart['kind'], SpanKind>;

const DELAY_MS = 1000;
const EXPORT_MS = 5000;
/** No value of ours is as long; an id that somebody has made up may be. */
const VALUE_LENGTH_MAX = 256;

/** Spans as OTLP over HTTP, in JSON. */
export class OtlpTracing implements Tracing {
  readonly callers: TracingConfig['callers'];
  readonly #queue: SpanQueue;
  readonly #tracer: Tracer;
  readonly #wallClock: WallClock;

  constructor(options: TracingOptions) {
    const { config, version, clock, events, delayMs = DELAY_MS, exportMs = EXPORT_MS } = options;
    this.callers = config.callers;
    const { exporter, disconnect } = exporterOf(config, exportMs);
    this.#queue = new SpanQueue({ exporter, events, disconnect, delayMs, exportMs });
    this.#wallClock = new WallClock(clock);
    const provider = new TracerProvider({
      resource: resourceFromAttributes({
        ...Object.fromEntries(config.resource),
        'service.name': config.service,
        'service.version': version,
      }),
      sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(config.sample) }),
      spanProcessors: [this.#queue],
      spanLimits: { attributeValueLengthLimit: VALUE_LENGTH_MAX },
    });
    this.#tracer = provider.getTracer('plexgate', version);
  }

  begin(start: SpanStart, caller: TraceContext | null): Span {
    const context = caller === null ? ROOT_CONTEXT : contextOf(caller);
    return new OtlpSpan(this.#tracer, this.#wallClock.offsetMs(), start, context);
  }

  close(): Promise<number> {
    return this.#queue.close();
  }
}

function contextOf({ traceId, parentId, sampled }: TraceContext): Context {
  const traceFlags = sampled ? TraceFlags.SAMPLED : TraceFlags.NONE;
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId: parentId, traceFlags, isRemote: true });
}

class OtlpSpan implements Span {
  readonly #tracer: Tracer;
  /** From monotonic instants to those of the wall clock; one for the whole trace here, so that no child begins before its parent. */
  readonly #offsetMs: number;
  readonly #span: ApiSpan;

  constructor(tracer: Tracer, offsetMs: number, { name, kind, at, attributes }: SpanStart, context: Context) {
    this.#tracer = tracer;
    this.#offsetMs = offsetMs;
    const startTime = hrTimeOf(at + offsetMs);
    this.#span = tracer.startSpan(name, { kind: KINDS[kind], startTime, attributes }, context);
  }

  get traceId(): string {
    return this.#span.spanContext().traceId;
  }

  get isRecorded(): boolean {
    return this.#span.isRecording();
  }

  get traceparent(): string {
    const { traceId, spanId, traceFlags } = this.#span.spanContext();
    const sampled = (traceFlags & TraceFlags.SAMPLED) !== 0;
    return writeTraceparent({ traceId, parentId: spanId, sampled });
  }

  child(start: SpanStart): Span {
    return new OtlpSpan(this.#tracer, this.#offsetMs, start, trace.setSpan(ROOT_CONTEXT, this.#span));
  }

  event(name: string, at: number): void {
    this.#span.addEvent(name, hrTimeOf(at + this.#offsetMs));
  }

  end({ name, at, attributes, failed }: SpanEnd): void {
    if (name !== undefined) this.#span.updateName(name);
    this.#span.setAttributes(attributes);
    if (failed) this.#span.setStatus({ code: SpanStatusCode.ERROR });
    this.#span.end(hrTimeOf(at + this.#offsetMs));
  }
}

/** What the wall clock is ahead of the monotonic one, to a part of a millisecond; it changes only where the wall clock has stepped. */
class WallClock {
  readonly #clock: Clock;
  #offsetMs = Number.NaN;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  offsetMs(): number {
    const seenMs = this.#clock.now() - this.#clock.monotonic();
    // The wall clock is read in whole milliseconds.
    if (!(Math.abs(seenMs - this.#offsetMs) < STEP_MS)) this.#offsetMs = seenMs;
    return this.#offsetMs;
  }
}

const STEP_MS = 5;

function hrTimeOf(epochMs: number): HrTime {
  const seconds = Math.floor(epochMs / 1000);
  return [seconds, Math.min(999_999_999, Math.round((epochMs - seconds * 1000) * 1e6))];
}

function exporterOf({ endpoint, headers }: TracingConfig, exportMs: number) {
  const options = { keepAlive: true };
  const agent = endpoint.startsWith('https:')
    ? new TlsAgent({ ...options, ca: [...getCACertificates('default'), ...getCACertificates('system')] })
    : new Agent(options);
  const exporter = new OTLPTraceExporter({
    url: endpoint,
    headers: Object.fromEntries([...headers].map(([name, value]) => [name, value.reveal()])),
    timeoutMillis: exportMs,
    httpAgentOptions: () => agent,
    userAgent: 'plexgate',
  });
  return { exporter, disconnect: () => agent.destroy() };
}
