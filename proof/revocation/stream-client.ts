import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import type { Gate } from './fleet.ts';

export type StreamKind = 'websocket' | 'events';

/** A stream through a gate, from the side of its client. */
export interface OpenStream {
  readonly kind: StreamKind;
  /** When it ended, on this process's monotonic clock; null: it is open. */
  endedAt: number | null;
  /** The close code of a WebSocket that was closed with one. */
  closeCode: number | null;
  drop(): void;
}

const CLOSE_FRAME = 0x88;

/** Resolves when the stream is open; rejects where it was refused. `under` stands before its path. */
export function openStream(
  gate: Pick<Gate, 'port'>,
  key: string,
  kind: StreamKind,
  under = '',
): Promise<OpenStream> {
  const socket = connect({ port: gate.port, host: '127.0.0.1' });
  const stream: OpenStream = { kind, endedAt: null, closeCode: null, drop: () => void socket.destroy() };
  return new Promise((resolve, reject) => {
    let head = '';
    let isOpen = false;
    socket.on('connect', () =>
      socket.write(kind === 'websocket' ? upgradeWith(key, under) : eventsWith(key, under)),
    );
    socket.on('data', (bytes: Buffer) => {
      if (isOpen) {
        readEnd(stream, bytes);
        return;
      }
      head += bytes.toString('latin1');
      if (!head.includes('\r\n\r\n')) return;
      isOpen = head.startsWith(kind === 'websocket' ? 'HTTP/1.1 101' : 'HTTP/1.1 200');
      if (isOpen) resolve(stream);
      else reject(new Error(`a stream was refused: ${head.slice(0, 200)}`));
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      stream.endedAt ??= performance.now();
      reject(new Error('a stream was not opened'));
    });
  });
}

/** A close frame, or the last chunk of the events. */
function readEnd(stream: OpenStream, bytes: Buffer): void {
  if (stream.kind === 'events') {
    if (bytes.toString('latin1').endsWith('0\r\n\r\n')) stream.endedAt ??= performance.now();
    return;
  }
  if (bytes[0] !== CLOSE_FRAME || bytes.length < 4) return;
  stream.closeCode = bytes.readUInt16BE(2);
  stream.endedAt ??= performance.now();
}

function upgradeWith(key: string, under: string): string {
  const lines = [
    `GET ${under}/chat HTTP/1.1`,
    'Host: gate',
    `x-api-key: ${key}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
  ];
  return [...lines, '', ''].join('\r\n');
}

function eventsWith(key: string, under: string): string {
  return `GET ${under}/events HTTP/1.1\r\nHost: gate\r\nx-api-key: ${key}\r\nAccept: text/event-stream\r\n\r\n`;
}
