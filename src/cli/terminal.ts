import { buffer } from 'node:stream/consumers';

/** What a command writes to and reads from. */
export interface Terminal {
  out(text: string): void;
  err(text: string): void;
  /** How wide standard output is; null where nobody looks at it. */
  readonly columns: number | null;
  /** Whether a person types what is read. */
  readonly typed: boolean;
  readInput(): Promise<Buffer>;
}

export type ExitCode = 0 | 1 | 2;
export const OK = 0;
export const FAILED = 1;
export const BAD_USAGE = 2;

export function processTerminal(): Terminal {
  // A reader such as `head` may leave before the end.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    columns: process.stdout.isTTY ? process.stdout.columns : null,
    typed: process.stdin.isTTY,
    readInput: () => buffer(process.stdin),
  };
}

/** Text from elsewhere without what would move the cursor, colour the screen or turn the direction of writing. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\ufffd');
}
