/**
 * Redis as the program uses it, whichever way it is run: one server, Sentinel or Cluster. Every call has a deadline in
 * milliseconds, nothing waits in a queue for a connection to come back, and nothing is ever sent twice.
 */
export interface RedisConnection {
  /** Whether the server answered last; a call while it is down fails at once. */
  readonly isUp: boolean;
  /** Whether names without a common hash tag may be in different places. */
  readonly isCluster: boolean;
  get(name: string): Promise<string | null>;
  /** The value is gone after `keepMs`; null: never. */
  set(name: string, value: string, keepMs: number | null): Promise<void>;
  publish(channel: string, message: string): Promise<void>;
  /**
   * Runs a script where its first key is. All keys of a call share a hash tag. Replies are those of RESP2: text, whole
   * numbers, null, lists of them.
   */
  run(
    script: RedisScript,
    keys: readonly string[],
    parameters: readonly (string | number)[],
  ): Promise<unknown>;
  close(): Promise<void>;
}

export interface RedisScript {
  /** Of letters and digits; no two scripts of a connection share one. */
  readonly name: string;
  readonly lua: string;
  readonly numberOfKeys: number;
}

/** Told of every message of a channel, and of every moment after which messages may have been missed. */
export interface RedisListener {
  message(text: string): void;
  /** The connection is (again) there: what was said meanwhile is lost. */
  connected(): void;
}

export interface RedisSubscription {
  readonly isUp: boolean;
  close(): Promise<void>;
}

/**
 * Why a call has no answer. `refused`: the server did not do it (an error reply, or it was never sent), so it may be
 * asked again. `unknown`: no reply came, it may have been done or may yet be.
 */
export class RedisError extends Error {
  override readonly name = 'RedisError';
  readonly kind: 'refused' | 'unknown';

  constructor(kind: 'refused' | 'unknown', message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}
