import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it, onTestFinished, vi } from 'vitest';
import { FileWatch, readFiles } from '../../src/runtime/file-watch.ts';

interface Watched {
  readonly path: string;
  readonly folder: string;
  /** What was told, in order. */
  readonly told: string[];
}

async function watched(): Promise<Watched> {
  const folder = mkdtempSync(join(tmpdir(), 'plexgate-'));
  const path = join(folder, 'inner/file.txt');
  mkdirSync(join(folder, 'inner'));
  writeFileSync(path, 'first');
  const told: string[] = [];
  const watch = new FileWatch({
    first: await readFiles([path]),
    onChange: (now) => {
      for (const text of now.values()) told.push(text.kind === 'text' ? text.text : text.why);
    },
  });
  onTestFinished(() => {
    watch.close();
    rmSync(folder, { recursive: true });
  });
  return { path, folder, told };
}

const PATIENCE = { timeout: 15_000, interval: 10 };

it('tells only of what stood for the time between two readings', async () => {
  const { path, told } = await watched();
  const stoodFor = new Map<string, number>();
  for (let version = 0; version < 30; version++) {
    writeFileSync(path, `version ${version}`);
    const wroteAt = performance.now();
    await pause((version * 37) % 150);
    stoodFor.set(`version ${version}`, performance.now() - wroteAt);
  }
  await vi.waitFor(() => expect(told.at(-1)).toBe('version 29'), PATIENCE);
  // A timer may be early by a millisecond.
  for (const text of told.slice(0, -1)) expect(stoodFor.get(text)).toBeGreaterThan(195);
});

it('sees a directory above the file replaced, which no watch of the directory tells', async () => {
  const { path, folder, told } = await watched();
  mkdirSync(join(folder, 'next'));
  writeFileSync(join(folder, 'next/file.txt'), 'second');
  renameSync(join(folder, 'inner'), join(folder, 'old'));
  renameSync(join(folder, 'next'), join(folder, 'inner'));
  await vi.waitFor(() => expect(told.at(-1)).toBe('second'), PATIENCE);
  writeFileSync(path, 'third');
  await vi.waitFor(() => expect(told.at(-1)).toBe('third'), PATIENCE);
});

it('tells that the file has gone, and that it is there again', async () => {
  const { path, told } = await watched();
  rmSync(path);
  await vi.waitFor(() => expect(told).toEqual(['does not exist']), PATIENCE);
  writeFileSync(path, 'first');
  await vi.waitFor(() => expect(told).toEqual(['does not exist', 'first']), PATIENCE);
});
