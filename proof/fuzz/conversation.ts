import { connect, type Socket } from 'node:net';
import { framingByHeaders, MessageReader, type Message } from '../../test/support/http-message.ts';

export interface Answer {
  readonly status: number;
  readonly body: string;
  /** It says that the connection ends with it. */
  readonly ends: boolean;
}

export interface Conversation {
  readonly answers: readonly Answer[];
  /** Why it stopped before the connection was closed; null where it was closed. */
  readonly trouble: string | null;
}

const PATIENCE_MS = 10_000;

/**
 * Sends the pieces and reads answers until the connection is closed. When there are as many as `expected`, the client
 * ends its side. `methods` are those of the requests, since an answer to HEAD has no body.
 */
export function converse(
  port: number,
  pieces: readonly Buffer[],
  methods: readonly string[],
  expected: number,
): Promise<Conversation> {
  return new Promise((resolve) => {
    const answers: Answer[] = [];
    let trouble: string | null = null;
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const patience = setTimeout(() => {
      trouble = `no end within ${PATIENCE_MS} ms`;
      socket.destroy();
    }, PATIENCE_MS);
    const reader = new MessageReader({
      framing: (head) => {
        const status = statusOf(head);
        const isEmpty = status < 200 || methods[answers.length] === 'HEAD';
        return isEmpty ? 'none' : framingByHeaders(head, 'until-close');
      },
      message: (message) => {
        if (statusOf(message) < 200) return;
        answers.push(answerOf(message));
        if (answers.length === expected) socket.end();
      },
    });
    socket.on('data', (bytes: Buffer) => {
      try {
        reader.push(bytes);
      } catch (error) {
        trouble = String(error);
        socket.destroy();
      }
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clearTimeout(patience);
      resolve({ answers, trouble });
    });
    void send(socket, pieces, expected === 0);
  });
}

async function send(socket: Socket, pieces: readonly Buffer[], isAll: boolean): Promise<void> {
  for (const [i, piece] of pieces.entries()) {
    if (i > 0) await new Promise(setImmediate);
    if (socket.writable) socket.write(piece);
  }
  if (isAll) socket.end();
}

function statusOf({ startLine }: Pick<Message, 'startLine'>): number {
  const [, digits] = /^HTTP\/1\.1 (\d{3}) /.exec(startLine) ?? [];
  if (digits === undefined) throw new Error(`no status line: ${startLine}`);
  return Number(digits);
}

function answerOf(message: Message): Answer {
  const ends = message.headers.some(
    ([name, value]) => name.toLowerCase() === 'connection' && value === 'close',
  );
  return { status: statusOf(message), body: message.body.toString('latin1'), ends };
}
