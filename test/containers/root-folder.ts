import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** A folder that becomes the root of an image: programs of this machine, with the libraries they load. */
export class RootFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'plexgate-root-'));

  /** A program and its libraries; at its own place where none is given. */
  program(file: string, place = file): this {
    this.copy(realpathSync(file), place);
    chmodSync(join(this.path, place), 0o755);
    return this.librariesOf(file);
  }

  librariesOf(file: string): this {
    const listed = execFileSync('ldd', [file], { encoding: 'utf8' });
    for (const [library] of listed.matchAll(/\/\S+/g)) {
      if (existsSync(library) && !existsSync(join(this.path, library)))
        this.copy(realpathSync(library), library);
    }
    return this;
  }

  /** A file or a folder. */
  copy(from: string, place = from): this {
    cpSync(from, this.#makeRoomFor(place), { recursive: true, dereference: true, preserveTimestamps: true });
    return this;
  }

  text(place: string, text: string, mode = 0o644): this {
    writeFileSync(this.#makeRoomFor(place), text, { mode });
    return this;
  }

  folder(place: string, mode = 0o755): this {
    mkdirSync(join(this.path, place), { recursive: true });
    chmodSync(join(this.path, place), mode);
    return this;
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }

  #makeRoomFor(place: string): string {
    const file = join(this.path, place);
    mkdirSync(dirname(file), { recursive: true });
    return file;
  }
}
