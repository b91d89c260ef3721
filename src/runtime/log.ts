import { pino, type DestinationStream } from 'pino';
import type { LogLevel } from '../config/config.ts';

/**
 * The fields a log line may have. Whatever is not listed here has no way into the log: no header list, no raw
 * URL, no error object. Texts from a client are masked by the caller (`maskKeys`).
 */
export interface LogFields {
  requestId?: string;
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
  /** Starts to write out what is buffered. */
  flush(): void;
  /** Writes out what is buffered before it returns; for the end of the process. */
  flushSync(): void;
}

/** A write of its own for each line would cost more than the line; what waits is written at least every second. */
const BUFFERED_BYTES = 32_768;
const WRITE_BYTES_MAX = 2 * BUFFERED_BYTES;
/** Beyond this, lines are dropped: a reader that has stopped must not cost memory, let alone the traffic. */
const BUFFERED_BYTES_MAX = 16 * 1024 * 1024;

/** A JSON log on standard output, or on `destination` where a test reads it. */
export function createLog(level: LogLevel, destination?: DestinationStream): Log {
  const output =
    destination ??
    pino.destination({
      dest: 1,
      sync: false,
      minLength: BUFFERED_BYTES,
      maxWrite: WRITE_BYTES_MAX,
      maxLength: BUFFERED_BYTES_MAX,
    });
  // Its reader may leave; the traffic goes on.
  if ('on' in output && typeof output.on === 'function') output.on('error', () => undefined);
  const logger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    output,
  );
  return {
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
    debug: (fields, message) => logger.debug(fields, message),
    flush: () => logger.flush(),
    flushSync: () => {
      if ('flushSync' in output && typeof output.flushSync === 'function') {
        flushQuietly(output.flushSync.bind(output));
      }
    },
  };
}

/** Standard output may be a pipe whose reader has left; a log that cannot be written must not end the process. */
function flushQuietly(flushSync: () => void): void {
  try {
    flushSync();
  } catch {
    // Nobody is left to read the log.
  }
}
