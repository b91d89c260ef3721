import { shipment, type ShippedPackage } from './shipped-packages.ts';

/** docs/dependencies.md, made from the lock file. */
export function dependenciesPage(): string {
  const { needs, packages, builtIn } = shipment();
  const needing = (path: string): string => {
    const others = packages.filter((shipped) => shipped.needs.includes(path)).map(({ name }) => name);
    return [...(needs.includes(path) ? ['**Plexgate**'] : []), ...new Set(others)].join(', ');
  };
  const licences = Map.groupBy(packages, ({ licence }) => licence);
  const counts = [...licences].sort(([, a], [, b]) => b.length - a.length);
  return `# Dependencies

Made from \`package-lock.json\` by \`npm run docs\`; do not edit.

The ${packages.length} packages that run with the program, in the image as from npm. None has native code, and none has an
install script. Each package's own licence text lies in its folder under \`node_modules\`. \`npm run sbom\` prints the
same as a CycloneDX document, with the digest of each archive. Plexgate itself is under [Apache-2.0](../LICENSE).

| licence | packages |
|---|---|
${counts.map(([licence, of]) => `| ${licence} | ${of.length} |`).join('\n')}

| package | version | licence | needed by |
|---|---|---|---|
${packages.map((shipped) => row(shipped, needing(shipped.path))).join('\n')}

The console's page is built with these, whose licence texts lie beside it in \`dist/console/licenses.txt\`:

| package | version | licence |
|---|---|---|
${builtIn.map(({ name, version, licence }) => `| \`${name}\` | ${version} | ${licence} |`).join('\n')}

Beside them the image holds Node.js and its base image, with the licences of these.
`;
}

function row({ name, alias, version, licence }: ShippedPackage, neededBy: string): string {
  const called = alias === name ? '' : `, imported as \`${alias}\``;
  return `| \`${name}\`${called} | ${version} | ${licence} | ${neededBy} |`;
}
