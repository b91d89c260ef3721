import { RedisError } from './redis.ts';
import { reasonOf } from './reason.ts';
import { StallWatch } from './stall-watch.ts';
import { isErrorReply, TrackedCommand } from './tracked-command.ts';

/** What the calls need of a client of ioredis, for one server or for a Cluster. */
export interface Sender {
  readonly status: string;
  sendCommand(command: TrackedCommand): unknown;
}

export interface CommandEvents {
  /** A call has ended: answered, failed, or not answered within its deadline. */
  command(result: 'ok' | 'error' | 'timeout', durationMs: number): void;
}

/** `asked` is what follows the command's name. */
type Ask = (command: string, asked: readonly (string | number)[]) => Promise<unknown>;

/**
 * Calls with a deadline. Each ends at its deadline at the latest, and truthfully: `refused` only where no server has
 * done it and none will.
 */
export class Calls {
  readonly #client: Sender;
  readonly #deadlineMs: number;
  readonly #events: CommandEvents;
  readonly #stalls = new StallWatch();
  /** Calls under way. */
  #open = 0;
  #closed = false;
  /** Called once none is under way any more. */
  #ended: (() => void) | null = null;

  constructor(client: Sender, deadlineMs: number, events: CommandEvents) {
    this.#client = client;
    this.#deadlineMs = deadlineMs;
    this.#events = events;
  }

  /** Begins a call: all that it asks, one after the other, shares its deadline. */
  async call<Reply>(asks: (ask: Ask) => Promise<Reply>): Promise<Reply> {
    const startedAt = performance.now();
    const dueAt = startedAt + this.#deadlineMs;
    this.#open++;
    try {
      const reply = await asks((command, asked) => this.#ask(command, asked, dueAt));
      this.#events.command('ok', performance.now() - startedAt);
      return reply;
    } catch (error) {
      this.#events.command(error instanceof Overdue ? 'timeout' : 'error', performance.now() - startedAt);
      throw error;
    } finally {
      if (--this.#open === 0) this.#ended?.();
    }
  }

  /** Takes no more calls; resolves when those under way have ended. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#open > 0) await new Promise<void>((resolve) => (this.#ended = resolve));
  }

  #ask(name: string, asked: readonly (string | number)[], dueAt: number): Promise<unknown> {
    if (this.#closed || this.#client.status !== 'ready') {
      return Promise.reject(new RedisError('refused', 'Redis is not connected'));
    }
    const command = new TrackedCommand(name, asked);
    const sentAt = performance.now();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        // A reply that has arrived while this process was busy is read before the call is given up.
        () => setImmediate(() => this.#giveUp(command, sentAt, reject)),
        Math.max(1, Math.ceil(dueAt - sentAt)),
      );
      const answered = (reply: unknown): void => {
        clearTimeout(timer);
        this.#answered(command);
        resolve(reply);
      };
      const failed = (error: unknown): void => {
        clearTimeout(timer);
        if (isErrorReply(error)) this.#answered(command);
        reject(failureOf(command, error));
      };
      command.promise.then(answered, failed);
      const traced = this.#client.sendCommand(command);
      // With tracing on, that is another promise of the same outcome.
      if (traced instanceof Promise && traced !== command.promise) traced.catch(() => {});
    });
  }

  #answered({ writtenTo }: TrackedCommand): void {
    if (writtenTo !== null) this.#stalls.answered(writtenTo);
  }

  #giveUp(command: TrackedCommand, sentAt: number, reject: (error: RedisError) => void): void {
    if (command.isSettled) return;
    command.abandon();
    if (command.writtenTo !== null && command.isUnanswered) {
      this.#stalls.notAnswered(command.writtenTo, sentAt);
    }
    reject(new Overdue(command.isUnanswered ? 'unknown' : 'refused'));
  }
}

function failureOf(command: TrackedCommand, error: unknown): RedisError {
  if (isErrorReply(error)) return new ErrorReply(reasonOf(error));
  return command.isUnanswered
    ? new RedisError('unknown', `Redis did not answer: ${reasonOf(error)}`)
    : new RedisError('refused', `Redis could not be asked: ${reasonOf(error)}`);
}

class Overdue extends RedisError {
  constructor(kind: 'refused' | 'unknown') {
    super(kind, 'Redis did not answer in time');
  }
}

/** The server has answered that it did not do it. */
export class ErrorReply extends RedisError {
  readonly code: string;

  constructor(reason: string) {
    super('refused', `Redis refused: ${reason}`);
    this.code = reason.split(' ', 1)[0] ?? '';
  }
}
