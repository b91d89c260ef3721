import { readFileSync } from 'node:fs';

/** A package that runs with the program, as the lock file has it. */
export interface ShippedPackage {
  /** Its folder, such as `node_modules/ajv/node_modules/fast-uri`. */
  readonly path: string;
  /** What it is called in the registry. */
  readonly name: string;
  /** What it is called where it is imported; another name where it is installed under an alias. */
  readonly alias: string;
  readonly version: string;
  readonly licence: string;
  /** Of its archive: `sha512-` and base64. */
  readonly integrity: string;
  readonly optional: boolean;
  /** The paths of the packages it needs. */
  readonly needs: readonly string[];
}

export interface Shipment {
  readonly version: string;
  /** The paths of the packages that the program itself needs. */
  readonly needs: readonly string[];
  /** By name. */
  readonly packages: readonly ShippedPackage[];
  /** Those in the console's bundle: shipped as a part of it, and installed nowhere. */
  readonly builtIn: readonly ShippedPackage[];
}

const BUILT_IN = ['preact', 'uplot', 'uqr'];

interface Locked {
  readonly name?: string;
  readonly version: string;
  readonly license?: string;
  readonly integrity?: string;
  readonly dev?: true;
  readonly devOptional?: true;
  readonly optional?: true;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/**
 * What `npm ci --omit=dev` installs. Read from the lock file: `npm sbom --omit dev` leaves out what a development
 * dependency needs as well.
 */
export function shipment(): Shipment {
  const text = readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8');
  const { packages: locked } = JSON.parse(text) as { packages: Record<string, Locked> };
  const root = locked[''];
  if (root === undefined) throw new Error('package-lock.json has no root');
  const packages = Object.entries(locked)
    .filter(([path, { dev, devOptional }]) => path !== '' && dev !== true && devOptional !== true)
    .map(([path, entry]) => packageOf(path, entry, locked))
    .sort((a, b) => (a.name === b.name ? compare(a.version, b.version) : compare(a.name, b.name)));
  const builtIn = BUILT_IN.flatMap((name) => {
    const path = `node_modules/${name}`;
    const entry = locked[path];
    return entry === undefined ? [] : [packageOf(path, entry, locked)];
  });
  return { version: root.version, needs: needsOf('', root, locked), packages, builtIn };
}

function packageOf(path: string, entry: Locked, locked: Readonly<Record<string, Locked>>): ShippedPackage {
  const alias = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
  const { license, integrity } = entry;
  if (license === undefined || integrity === undefined)
    throw new Error(`package-lock.json says of ${path} neither licence nor digest`);
  return {
    path,
    name: entry.name ?? alias,
    alias,
    version: entry.version,
    licence: license,
    integrity,
    optional: entry.optional === true,
    needs: needsOf(path, entry, locked),
  };
}

/** As Node finds them: in the package's own folder, else in the folders above it. */
function needsOf(path: string, entry: Locked, locked: Readonly<Record<string, Locked>>): string[] {
  const names = Object.keys({ ...entry.dependencies, ...entry.optionalDependencies });
  return names.flatMap((name) => {
    for (let folder = path; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
      const place = folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
      if (locked[place] !== undefined) return [place];
      if (folder === '') return [];
    }
  });
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
