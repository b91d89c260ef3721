import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { sbom } from '../../scripts/sbom.ts';
import { shipment } from '../../scripts/shipped-packages.ts';

const ROOT = join(import.meta.dirname, '../..');
const { needs, packages, builtIn } = shipment();
const paths = packages.map(({ path }) => path);

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
  readonly os?: unknown;
  readonly cpu?: unknown;
  readonly scripts?: Readonly<Record<string, string>>;
}

function manifestOf(path: string): Manifest {
  return JSON.parse(readFileSync(join(ROOT, path, 'package.json'), 'utf8')) as Manifest;
}

describe('the packages that run with the program', () => {
  it('are the dependencies of package.json, and what these need', () => {
    const direct = packages.filter(({ path }) => needs.includes(path)).map(({ alias }) => alias);
    expect(direct.sort()).toEqual(Object.keys(packageJson.dependencies).sort());
    const reached = new Set(needs);
    for (const path of reached)
      for (const next of packages.find((shipped) => shipped.path === path)?.needs ?? []) reached.add(next);
    expect([...reached].sort()).toEqual([...paths].sort());
  });

  it.each(packages)('$name $version is installed as the lock file says, licence included', (shipped) => {
    const { name, version, license } = manifestOf(shipped.path);
    expect({ name, version, licence: license }).toEqual({
      name: shipped.name,
      version: shipped.version,
      licence: shipped.licence,
    });
  });

  it.each(packages)('$name $version has a licence that goes with ours', ({ licence }) => {
    expect(['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'BlueOak-1.0.0', 'ISC', 'MIT']).toContain(
      licence,
    );
  });

  it.each(packages)('$name $version runs on every architecture', ({ path }) => {
    const { os, cpu, scripts = {} } = manifestOf(path);
    expect({ os, cpu }).toEqual({});
    expect(Object.keys(scripts)).not.toEqual(expect.arrayContaining(['install']));
    expect(Object.keys(scripts)).not.toEqual(expect.arrayContaining(['postinstall']));
    const native = globSync('**/{*.node,binding.gyp}', { cwd: join(ROOT, path) });
    expect(native.filter((file) => !file.startsWith('node_modules/'))).toEqual([]);
  });
});

describe('the bill of materials', () => {
  interface Bom {
    readonly serialNumber: string;
    readonly metadata: { readonly component: { readonly purl: string; readonly 'bom-ref': string } };
    readonly components: readonly {
      readonly name: string;
      readonly version: string;
      readonly purl: string;
      readonly 'bom-ref': string;
      readonly hashes: readonly { readonly content: string }[];
    }[];
    readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
  }
  const bom = JSON.parse(sbom()) as Bom;

  it('names each package of the lock file that is shipped, and no other', () => {
    const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { name?: string; version: string; dev?: true }>;
    };
    const locked = Object.entries(lock.packages)
      .filter(
        ([path, { dev }]) =>
          path !== '' && (dev === undefined || builtIn.some((shipped) => shipped.path === path)),
      )
      .map(([path, { name, version }]) => `${name ?? path.replace(/^.*node_modules\//, '')} ${version}`);
    expect(bom.components.map(({ name, version }) => `${name} ${version}`).sort()).toEqual(locked.sort());
  });

  it('has the digest of each archive', () => {
    for (const { hashes } of bom.components) {
      expect(hashes).toHaveLength(1);
      expect(hashes[0]?.content).toMatch(/^[0-9a-f]{128}$/);
    }
  });

  it('says of each package what it needs, by references that lead somewhere', () => {
    const own = bom.metadata.component['bom-ref'];
    const refs = bom.components.map((component) => component['bom-ref']);
    expect(new Set(refs).size).toBe(refs.length);
    expect(bom.dependencies.map(({ ref }) => ref).sort()).toEqual([own, ...refs].sort());
    for (const { dependsOn } of bom.dependencies)
      expect(refs).toEqual(expect.arrayContaining([...dependsOn]));
    expect(own).toBe(`pkg:npm/plexgate@${packageJson.version}`);
  });

  it('is the same text each time', () => {
    expect(sbom()).toBe(sbom());
    expect(bom.serialNumber).toMatch(
      /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
  });
});

it('the published package and the image have the licence', () => {
  expect(existsSync(join(ROOT, 'LICENSE'))).toBe(true);
  expect(readFileSync(join(ROOT, 'Dockerfile'), 'utf8')).toContain('COPY package.json LICENSE /app/');
});
