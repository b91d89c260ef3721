import type { ReadableSpan, SpanExporter, SpanProcessor } from '@opentelemetry/sdk-trace';
import type { TracingEvents } from './tracing.ts';

/** Spans that wait; more are dropped. */
const QUEUE_MAX = 2048;
/** So few at once, because what is sent is written as JSON in one go, and requests wait for that. */
const BATCH = 64;
/** Batches under way at once. */
const UNDER_WAY_MAX = 8;
/** After its time a batch whose answer only dribbles in is given up, too. */
const GIVEN_UP_AFTER_MS = 500;
const FLUSH_MS = 2000;
const SAMPLED = 1;

export interface SpanQueueOptions {
  readonly exporter: SpanExporter;
  readonly events: TracingEvents;
  /** Ends the connections to the collector with what is under way on them. */
  readonly disconnect: () => void;
  /** How long a span waits for others to go with it. */
  readonly delayMs: number;
  /** How long the exporter takes at most, but for an answer without end. */
  readonly exportMs: number;
}

/**
 * From the end of a span to the collector: a bounded queue and few batches at once, each with a deadline. What does
 * not fit is dropped and counted; nobody waits.
 */
export class SpanQueue implements SpanProcessor {
  readonly #options: SpanQueueOptions;
  #waiting: ReadableSpan[] = [];
  #underWay = 0;
  #spansUnderWay = 0;
  #timer: NodeJS.Timeout | undefined;
  #isWoken = false;
  #isClosing = false;
  readonly #emptied = Promise.withResolvers<void>();

  constructor(options: SpanQueueOptions) {
    this.#options = options;
  }

  onStart(): void {
    // There is nothing to be done before its end.
  }

  onEnd(span: ReadableSpan): void {
    if ((span.spanContext().traceFlags & SAMPLED) === 0) return;
    if (this.#waiting.length >= QUEUE_MAX || this.#isClosing) {
      this.#options.events.spans('dropped', 1, null);
      return;
    }
    this.#waiting.push(span);
    if (this.#waiting.length >= BATCH) this.#wake();
    else this.#sendLater();
  }

  /** Answers how many were not taken. */
  async close(): Promise<number> {
    this.#isClosing = true;
    const late = setTimeout(() => this.#emptied.resolve(), FLUSH_MS);
    this.#sendAll();
    await this.#emptied.promise;
    clearTimeout(late);
    const left = this.#waiting.length + this.#spansUnderWay;
    this.#waiting = [];
    this.#options.disconnect();
    return left;
  }

  /** The library's own word for `close`. */
  async shutdown(): Promise<void> {
    await this.close();
  }

  forceFlush(): Promise<void> {
    this.#sendAll();
    return Promise.resolve();
  }

  /** Not in the turn of the request whose span was the last of a batch. */
  #wake(): void {
    if (this.#isWoken || this.#underWay >= UNDER_WAY_MAX) return;
    this.#isWoken = true;
    setImmediate(() => {
      this.#isWoken = false;
      if (this.#waiting.length >= BATCH && this.#underWay < UNDER_WAY_MAX) this.#send();
      if (this.#waiting.length >= BATCH) this.#wake();
    });
  }

  #sendLater(): void {
    this.#timer ??= setTimeout(() => this.#sendAll(), this.#options.delayMs).unref();
  }

  #sendAll(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    while (this.#waiting.length > 0 && this.#underWay < UNDER_WAY_MAX) this.#send();
    if (this.#waiting.length === 0 && this.#underWay === 0) this.#emptied.resolve();
  }

  #send(): void {
    const { exporter, events, disconnect, exportMs } = this.#options;
    const batch = this.#waiting.splice(0, BATCH);
    this.#underWay++;
    this.#spansUnderWay += batch.length;
    let isOver = false;
    const over = (detail: string | null): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(late);
      this.#underWay--;
      this.#spansUnderWay -= batch.length;
      events.spans(detail === null ? 'exported' : 'failed', batch.length, detail);
      this.#goOn();
    };
    const late = setTimeout(() => {
      over('no answer in time');
      disconnect();
    }, exportMs + GIVEN_UP_AFTER_MS).unref();
    try {
      exporter.export(batch, ({ error }) => over(error === undefined ? null : detailOf(error)));
    } catch (error) {
      over(detailOf(error));
    }
  }

  #goOn(): void {
    if (this.#isClosing) this.#sendAll();
    else if (this.#waiting.length >= BATCH) this.#wake();
    else if (this.#waiting.length > 0) this.#sendLater();
  }
}

/** The code alone: messages may repeat what the collector has answered. */
function detailOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  if (typeof code === 'number') return `answered ${code}`;
  return typeof code === 'string' ? code : 'no answer in time';
}
