import { createHash } from 'node:crypto';
import packageJson from '../package.json' with { type: 'json' };
import { shipment, type ShippedPackage } from './shipped-packages.ts';

/** Which archive, exactly, a component is. Two of one name have two versions. */
function purlOf({ name, version }: { readonly name: string; readonly version: string }): string {
  return `pkg:npm/${name.replace(/^@/, '%40')}@${version}`;
}

function component(shipped: ShippedPackage): object {
  const [, base64 = ''] = /^sha512-(.+)$/.exec(shipped.integrity) ?? [];
  if (base64 === '') throw new Error(`${shipped.path}: its digest is no SHA-512`);
  const purl = purlOf(shipped);
  return {
    type: 'library',
    'bom-ref': purl,
    name: shipped.name,
    version: shipped.version,
    scope: shipped.optional ? 'optional' : 'required',
    hashes: [{ alg: 'SHA-512', content: Buffer.from(base64, 'base64').toString('hex') }],
    licenses: [{ license: { id: shipped.licence } }],
    purl,
  };
}

/** The bill of materials of what is shipped, in the CycloneDX format: the same text for the same lock file. */
export function sbom(): string {
  const { version, needs, packages: installed, builtIn } = shipment();
  const packages = [...installed, ...builtIn];
  const purls = new Map(packages.map((shipped) => [shipped.path, purlOf(shipped)]));
  const refs = (paths: readonly string[]): string[] => paths.flatMap((path) => purls.get(path) ?? []);
  const own = purlOf({ name: packageJson.name, version });
  const body = {
    metadata: {
      component: {
        type: 'application',
        'bom-ref': own,
        name: packageJson.name,
        version,
        description: packageJson.description,
        licenses: [{ license: { id: packageJson.license } }],
        purl: own,
      },
    },
    components: packages.map(component),
    dependencies: [
      { ref: own, dependsOn: refs([...needs, ...builtIn.map(({ path }) => path)]) },
      ...packages.map((shipped) => ({ ref: purlOf(shipped), dependsOn: refs(shipped.needs) })),
    ],
  };
  const head = { bomFormat: 'CycloneDX', specVersion: '1.5', serialNumber: serialOf(body), version: 1 };
  return `${JSON.stringify({ ...head, ...body }, null, 2)}\n`;
}

/** A UUID that is the content's own (RFC 9562, version 8). */
function serialOf(body: object): string {
  const digest = createHash('sha256').update(JSON.stringify(body)).digest();
  digest.writeUInt8((digest.readUInt8(6) & 0x0f) | 0x80, 6);
  digest.writeUInt8((digest.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = digest.toString('hex');
  return `urn:uuid:${[hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-')}`;
}

if (import.meta.main) process.stdout.write(sbom());
