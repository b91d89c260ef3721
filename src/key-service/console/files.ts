import { readdirSync, readFileSync } from 'node:fs';
import { extname, join, relative, sep } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';

/** A file of the page as it is sent. */
export interface FileAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

interface Kept {
  readonly plain: Buffer;
  readonly type: string;
  readonly packed: Map<Packing, Promise<Buffer>>;
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.json': 'application/json',
  '.webmanifest': 'application/manifest+json',
  '.txt': 'text/plain; charset=utf-8',
};
const PACKABLE = /^text|json|javascript|svg/;
/** What is in the folder of assets has its content's hash in its name. */
const FOREVER = 'public, max-age=31536000, immutable';
const INDEX = 'index.html';

type Packing = 'br' | 'gzip';
const PACK: Readonly<Record<Packing, (bytes: Buffer) => Promise<Buffer>>> = {
  br: (bytes) => promisify(brotliCompress)(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }),
  gzip: (bytes) => promisify(gzip)(bytes, { level: 9 }),
};

/**
 * The page's files, read once. Nothing of a request becomes a path of the machine: what is not one of the names read at
 * the start is not there.
 */
export class PageFiles {
  readonly #files = new Map<string, Kept>();

  /** `folder` is what the build made; where it is missing there is no page. */
  constructor(folder: string) {
    for (const path of filesIn(folder)) {
      const type = TYPES[extname(path)];
      if (type === undefined) continue;
      const name = relative(folder, path).split(sep).join('/');
      this.#files.set(name, { plain: readFileSync(path), type, packed: new Map() });
    }
  }

  /** `path` is what follows `/console`. Null: there is nothing. Anything without a dot is a place within the page. */
  async find(path: string, acceptEncoding: string): Promise<FileAnswer | null> {
    const name = path.replace(/^\//, '');
    const isPlace = !name.includes('.') && !name.startsWith('assets/');
    const kept = this.#files.get(isPlace ? INDEX : name);
    if (kept === undefined) return isPlace ? NOT_BUILT : null;
    const packing = PACKABLE.test(kept.type) ? packingFor(acceptEncoding) : null;
    const headers = {
      'content-type': kept.type,
      'cache-control': name.startsWith('assets/') ? FOREVER : 'no-cache',
      vary: 'accept-encoding',
    };
    if (packing === null) return { status: 200, headers, body: kept.plain };
    const body = await packed(kept, packing);
    return { status: 200, headers: { ...headers, 'content-encoding': packing }, body };
  }
}

const NOT_BUILT: FileAnswer = {
  status: 503,
  headers: { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' },
  body: Buffer.from('The console has not been built: run npm run build.\n'),
};

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function packingFor(acceptEncoding: string): Packing | null {
  const accepted = acceptEncoding.split(',').map((one) => one.trim().replace(/\s/g, '').toLowerCase());
  const takes = (name: Packing): boolean =>
    accepted.some((one) => one === name || (one.startsWith(`${name};q=`) && !/;q=0(?:\.0*)?$/.test(one)));
  return takes('br') ? 'br' : takes('gzip') ? 'gzip' : null;
}

function packed({ plain, packed: known }: Kept, packing: Packing): Promise<Buffer> {
  const before = known.get(packing);
  if (before !== undefined) return before;
  const made = PACK[packing](plain);
  known.set(packing, made);
  return made;
}
