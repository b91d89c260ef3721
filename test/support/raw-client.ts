import { connect, type Socket } from 'node:net';
import {
  MessageReader,
  framingByHeaders,
  type HeaderLine,
  type Message,
  type MessageHead,
} from './http-message.ts';

export interface RawAnswer extends Message {
  readonly status: number;
}

export interface RawRequest {
  readonly method: string;
  readonly target: string;
  /** In this order and spelling; nothing is added but `Connection: close` where no Connection line is. */
  readonly headers: readonly HeaderLine[];
  readonly body?: string;
}

/** The bytes of a request, header values as latin-1 so that a case can send any byte. */
export function requestBytes({ method, target, headers, body }: RawRequest): Buffer {
  const has = (name: string): boolean => headers.some((line) => line[0].toLowerCase() === name);
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`);
  if (!has('connection')) lines.push('Connection: close\r\n');
  const payload = Buffer.from(body ?? '');
  if (payload.length > 0 && !has('content-length') && !has('transfer-encoding')) {
    lines.push(`Content-Length: ${payload.length}\r\n`);
  }
  return Buffer.concat([
    Buffer.from(`${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n`, 'latin1'),
    payload,
  ]);
}

const PATIENCE_MS = 10_000;

/**
 * One connection on which the caller decides every byte. Answers are read one after another; interim answers
 * (1xx other than 101) are kept apart.
 */
export class RawConnection {
  readonly socket: Socket;
  readonly interim: number[] = [];
  /** Bytes of the body of the answer under way, as far as they have come. */
  received = '';
  receivedBytes = 0;
  /** Head of the answer under way or the last one. */
  head: MessageHead | null = null;
  /** Settles when the connection is closed, by whomever. */
  readonly closed: Promise<void>;
  readonly #answers: RawAnswer[] = [];
  #changed: () => void = () => undefined;
  #ended = false;
  /** What came was no HTTP. */
  #broken: Error | null = null;

  private constructor(socket: Socket, method: string) {
    this.socket = socket;
    const reader = new MessageReader({
      framing: (head) => {
        const status = statusOf(head.startLine);
        const empty = status < 200 || status === 204 || status === 304 || method === 'HEAD';
        return empty ? 'none' : framingByHeaders(head, 'until-close');
      },
      head: (head) => {
        this.head = head;
      },
      body: (bytes) => {
        this.receivedBytes += bytes.length;
        if (this.receivedBytes < 1_000_000) this.received += bytes.toString('latin1');
      },
      message: (message) => {
        const status = statusOf(message.startLine);
        if (status < 200 && status !== 101) this.interim.push(status);
        else this.#answers.push({ ...message, status });
      },
    });
    const read = (bytes: Buffer | null): void => {
      try {
        if (bytes === null) reader.end();
        else reader.push(bytes);
      } catch (error) {
        this.#broken = error as Error;
        socket.destroy();
      }
      this.#changed();
    };
    socket.on('data', read);
    socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.#ended = true;
        read(null);
        resolve();
      });
    });
  }

  /** `method` says whether answers have a body; a connection asks with one of HEAD or not HEAD. */
  static async open(port: number, method = 'GET'): Promise<RawConnection> {
    const socket = connect({ port, host: '127.0.0.1' });
    const connection = new RawConnection(socket, method);
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return connection;
  }

  get status(): number | null {
    return this.head === null ? null : statusOf(this.head.startLine);
  }

  send(bytes: string | Buffer): void {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  /** The next whole answer; rejects when the connection ends without one or nothing comes for ten seconds. */
  async answer(): Promise<RawAnswer> {
    await this.until(() => this.#answers.length > 0, 'an answer');
    const next = this.#answers.shift();
    if (this.#broken !== null) throw this.#broken;
    if (next === undefined) throw new Error('the connection ended without an answer');
    return next;
  }

  /** Waits until what has been received satisfies `seen`, or the connection has ended. */
  async until(seen: () => boolean, what: string, patienceMs = PATIENCE_MS): Promise<void> {
    const deadline = Date.now() + patienceMs;
    while (!seen() && !this.#ended) {
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`no sign of ${what} within ${patienceMs} ms`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#changed = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** Leaves without a word. */
  drop(): void {
    this.socket.destroy();
  }
}

/** Sends exactly these bytes on a connection of its own and reads one answer. */
export async function exchange(port: number, bytes: string | Buffer): Promise<RawAnswer> {
  const text = bytes.toString('latin1');
  const connection = await RawConnection.open(port, text.startsWith('HEAD ') ? 'HEAD' : 'GET');
  try {
    connection.send(bytes);
    return await connection.answer();
  } finally {
    connection.drop();
  }
}

/** Each request on a connection of its own, `parallel` of them at a time. Answers stand in the order of the requests. */
export async function sendOneByOne(
  port: number,
  requests: readonly Buffer[],
  parallel: number,
): Promise<RawAnswer[]> {
  const answers: RawAnswer[] = [];
  let next = 0;
  const sender = async (): Promise<void> => {
    for (let i = next++; i < requests.length; i = next++) {
      answers[i] = await exchange(port, requests[i] ?? Buffer.alloc(0));
    }
  };
  await Promise.all(Array.from({ length: parallel }, sender));
  return answers;
}

/** All requests at once over `connections` connections, which MUST be kept alive by what is sent. */
export async function sendInOneGo(
  port: number,
  requests: readonly Buffer[],
  connections: number,
): Promise<RawAnswer[]> {
  const share = Math.ceil(requests.length / connections);
  const lines = Array.from({ length: connections }, async (_, i) => {
    const own = requests.slice(i * share, (i + 1) * share);
    const connection = await RawConnection.open(port);
    connection.send(Buffer.concat(own));
    const answers: RawAnswer[] = [];
    for (const _ of own) answers.push(await connection.answer());
    connection.drop();
    return answers;
  });
  return (await Promise.all(lines)).flat();
}

function statusOf(startLine: string): number {
  const match = /^HTTP\/1\.1 (\d{3})(?: |$)/.exec(startLine);
  if (match === null) throw new Error(`not a status line: ${startLine}`);
  return Number(match[1]);
}
