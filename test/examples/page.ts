import { readFileSync } from 'node:fs';

/** Commands of a page, and what stands below them as printed. */
export interface Block {
  readonly commands: string;
  /** With `...` for what differs from run to run; empty where the page shows nothing. */
  readonly printed: string;
}

const BLOCK = /^```sh\n(?<commands>[\s\S]*?)^```\n(?:\n```text\n(?<printed>[\s\S]*?)^```\n)?/gm;

/** The blocks of shell of a page of the examples, in their order. */
export function blocksOf(readme: string): Block[] {
  return Array.from(readFileSync(readme, 'utf8').matchAll(BLOCK), ({ groups }) => ({
    commands: groups?.['commands'] ?? '',
    printed: groups?.['printed'] ?? '',
  }));
}

/** Whether `output` is what the page says: `...` stands for any part of a line, alone on a line for any lines. */
export function isAsPrinted(printed: string, output: string): boolean {
  // What is behind the last newline is no line.
  const lines = printed.split('\n').slice(0, -1).map(patternOf);
  return new RegExp(`^${lines.join('')}$`).test(output);
}

function patternOf(line: string): string {
  if (line === '...') return String.raw`(?:.*\n)*?`;
  const parts = line.split('...').map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`));
  return `${parts.join('.*?')}\\n`;
}
