import { pino, type DestinationStream } from 'pino';
import type { LogLevel } from '../config/config.ts';
import { LineOutput } from './line-output.ts';

/**
 * The fields a log line may have. Whatever is not listed here has no way into the log: no header list, no raw
 * URL, no error object. Texts from a client are masked by the caller (`maskKeys`).
 */
export interface LogFields {
  requestId?: string;
  /** Of a request that is traced and whose spans are kept. */
  traceId?: string;
  route?: string;
  method?: string;
  path?: string;
  status?: number;
  source?: 'upstream' | 'gateway';
  reason?: string;
  detail?: string;
  keyId?: string;
  ownerId?: string;
  lookup?: string;
  address?: string;
  userAgent?: string;
  /**
   * When the request arrived: milliseconds since 1970 to the microsecond, by the wall clock as it stood when the
   * process started. It never steps, so that instants of one process may be subtracted.
   */
  receivedAt?: number;
  durationMs?: number;
  decisionMs?: number;
  upstreamMs?: number;
  bytesIn?: number;
  bytesOut?: number;
  file?: string;
  url?: string;
  signal?: string;
}

export interface Log {
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
  debug(fields: LogFields, message: string): void;
  /** Writes out what is buffered; called at least every second and when the process ends. Never waits for the reader. */
  flush(): void;
}

/** A log whose least level may change. */
export interface LevelledLog extends Log {
  setLevel(level: LogLevel): void;
}

/** A JSON log on standard output, or on `destination` where a test reads it. */
export function createLog(level: LogLevel, destination?: DestinationStream): LevelledLog {
  const output = destination ?? new LineOutput(process.stdout);
  const logger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    output,
  );
  const clock = new LineClock();
  // Each request has a line of this level. The allow-list leaves texts and numbers only, which JSON.stringify writes
  // in a third of the time; the line is the one the logger would have written.
  const info = (fields: LogFields, message: string): void => {
    const body = JSON.stringify(fields).slice(1, -1);
    const start = `{"level":"info","time":"${clock.now()}"`;
    output.write(`${start}${body === '' ? '' : `,${body}`},"msg":${JSON.stringify(message)}}\n`);
  };
  const none = (): void => undefined;
  const log: LevelledLog = {
    info: logger.isLevelEnabled('info') ? info : none,
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
    debug: (fields, message) => logger.debug(fields, message),
    flush: () => {
      if (output instanceof LineOutput) output.flush();
    },
    setLevel(least) {
      logger.level = least;
      log.info = logger.isLevelEnabled('info') ? info : none;
    },
  };
  return log;
}

/** The time as lines have it; many lines share a millisecond. */
class LineClock {
  #at = Number.NaN;
  #text = '';

  now(): string {
    const now = Date.now();
    if (now !== this.#at) {
      this.#at = now;
      this.#text = new Date(now).toISOString();
    }
    return this.#text;
  }
}
