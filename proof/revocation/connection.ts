import { connect, type Socket } from 'node:net';

/** An answer with the instants around it, on this process's monotonic clock. */
export interface Answer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
  /** Right before the first byte of the request was written. */
  readonly begunAt: number;
  readonly endedAt: number;
}

/** The connection ended before its answer; what became of the request is unknown. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
}

interface Waiting {
  readonly begunAt: number;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

/**
 * One keep-alive connection with one request at a time. Bare, because the instant of the first byte is what counts
 * here, and because a library may send a request again by itself.
 */
export class Connection {
  readonly #socket: Socket;
  #received = '';
  #waiting: Waiting | null = null;
  #open = true;

  /** Connects in the background: what is asked meanwhile is written when it stands, or rejected. */
  constructor(port: number, localAddress?: string) {
    const from = localAddress === undefined ? {} : { localAddress };
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true, ...from });
    this.#socket.setEncoding('latin1');
    this.#socket.on('data', (text: string) => {
      this.#received += text;
      this.#read();
    });
    this.#socket.on('error', () => undefined);
    this.#socket.on('close', () => this.#end());
  }

  static async opened(port: number, localAddress?: string): Promise<Connection> {
    const connection = new Connection(port, localAddress);
    await new Promise<void>((resolve, reject) => {
      connection.#socket.once('connect', resolve);
      connection.#socket.once('close', () => reject(new ConnectionLost('no connection')));
    });
    return connection;
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /** Writes these bytes, which MUST be one request without a body or with all of it, and reads its answer. */
  ask(request: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#waiting !== null) throw new Error('one request at a time');
      if (!this.#open) {
        reject(new ConnectionLost('the connection is closed'));
        return;
      }
      this.#waiting = { begunAt: performance.now(), resolve, reject };
      this.#socket.write(request, 'latin1');
    });
  }

  close(): void {
    this.#socket.destroy();
    this.#end();
  }

  #end(why: Error = new ConnectionLost('it ended before the answer')): void {
    this.#open = false;
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.reject(why);
  }

  #read(): void {
    const headEnd = this.#received.indexOf('\r\n\r\n');
    if (headEnd < 0) return;
    const head = this.#received.slice(0, headEnd);
    const bodyLength = lengthOfBody(head);
    if (bodyLength === null) {
      this.#end(new Error(`an answer without a length:\n${head}`));
      this.#socket.destroy();
      return;
    }
    const end = headEnd + 4 + bodyLength;
    if (this.#received.length < end) return;
    const body = this.#received.slice(headEnd + 4, end);
    this.#received = this.#received.slice(end);
    const waiting = this.#waiting;
    this.#waiting = null;
    if (/\r\nconnection: close/i.test(head)) this.close();
    const status = Number(head.slice(9, 12));
    waiting?.resolve({ status, head, body, begunAt: waiting.begunAt, endedAt: performance.now() });
  }
}

/** Our upstream and the refusals of the gate always say how long their body is. */
function lengthOfBody(head: string): number | null {
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  return length === undefined ? null : Number(length);
}

/** A GET with a key, as its bytes. */
export function requestWith(key: string, path = '/'): string {
  return `GET ${path} HTTP/1.1\r\nHost: gate\r\nx-api-key: ${key}\r\n\r\n`;
}

/** One request on a connection of its own. */
export async function askOnce(port: number, key: string): Promise<Answer> {
  const connection = new Connection(port);
  try {
    return await connection.ask(requestWith(key));
  } finally {
    connection.close();
  }
}

/** The reason a refusal of the profile `standard` gives. */
export function reasonOf({ body }: Answer): string {
  return /"reason":"([a-z_]+)"/.exec(body)?.[1] ?? 'none';
}
