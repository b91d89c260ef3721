import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** How a file may change: a ConfigMap's link is swapped, it is written in place, or another is renamed into its place. */
export const WAYS = ['swap', 'write', 'rename'] as const;
export type Way = (typeof WAYS)[number];

/** A directory as Kubernetes mounts a ConfigMap: its files are links through `..data`, which is swapped as a whole. */
export class ConfigMount {
  readonly folder = mkdtempSync(join(tmpdir(), 'plexgate-'));
  readonly #directory = join(this.folder, 'mount');
  #version = 0;
  #files: Readonly<Record<string, string>>;

  constructor(files: Readonly<Record<string, string>>) {
    this.#files = files;
    mkdirSync(this.#directory);
    this.#swap();
  }

  pathOf(name: string): string {
    return join(this.#directory, name);
  }

  change(way: Way, files: Readonly<Record<string, string>>): void {
    this.#files = { ...this.#files, ...files };
    if (way === 'swap') return this.#swap();
    for (const [name, text] of Object.entries(files)) {
      if (way === 'write') writeFileSync(this.pathOf(name), text);
      else this.#renameInto(name, (path) => writeFileSync(path, text));
    }
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #swap(): void {
    const version = `..${++this.#version}`;
    mkdirSync(this.pathOf(version));
    for (const [name, text] of Object.entries(this.#files)) {
      writeFileSync(this.pathOf(`${version}/${name}`), text);
    }
    this.#renameInto('..data', (path) => symlinkSync(version, path));
    // A rename may have put a file where the link was.
    for (const name of Object.keys(this.#files)) {
      this.#renameInto(name, (path) => symlinkSync(`..data/${name}`, path));
    }
  }

  #renameInto(name: string, make: (path: string) => void): void {
    const next = this.pathOf('..next');
    make(next);
    renameSync(next, this.pathOf(name));
  }
}
