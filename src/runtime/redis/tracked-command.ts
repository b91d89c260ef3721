import type { Socket } from 'node:net';
import { Command } from 'ioredis';

/**
 * A command that knows where it is: not written yet, written and unanswered, or answered with an error. The client may
 * write one several times (a Cluster redirects), but never again before an error reply has said that it was not done.
 */
export class TrackedCommand extends Command {
  #writtenTo: Socket | null = null;
  #isUnanswered = false;
  #isAbandoned = false;

  constructor(name: string, parameters: readonly (string | number)[]) {
    super(name, [...parameters], { replyEncoding: 'utf8' });
  }

  /** The connection it was last written to. */
  get writtenTo(): Socket | null {
    return this.#writtenTo;
  }

  /** Whether a server has it and has not replied. If not, nobody has done it, nor will after `abandon`. */
  get isUnanswered(): boolean {
    return this.#isUnanswered;
  }

  /** From now on nobody waits for it, so it must not be written any more. */
  abandon(): void {
    this.#isAbandoned = true;
  }

  override toWritable(socket: object): string | Buffer {
    if (this.#isAbandoned) {
      // It waited somewhere in the client, which will write it and expect a reply: it has none to change anything.
      this.name = 'ping';
      this.args = [];
      return super.toWritable(socket);
    }
    const connection = socket as Socket;
    this.#writtenTo = connection;
    this.#isUnanswered = true;
    const reject = this.reject;
    this.reject = (error) => {
      if (isErrorReply(error)) this.#isUnanswered = false;
      reject(error);
    };
    inOneWrite(connection);
    return super.toWritable(socket);
  }

  /** Deadlines are the caller's, over all that a call sends. */
  override setTimeout(): void {}
}

export function isErrorReply(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError';
}

/**
 * What is sent to a server within one turn of the event loop goes out in one system call: at 64 calls at a time twice
 * as many a second at half the CPU each, while no call waits for another's reply as in a pipeline.
 */
function inOneWrite(connection: Socket): void {
  if (connection.writableCorked > 0) return;
  connection.cork();
  process.nextTick(() => connection.uncork());
}
