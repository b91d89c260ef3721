import { importsOf } from './imports.ts';
import { isCode, isUnder, type Rule, type SourceFile } from './source.ts';

/** Where each package, and node:sqlite, may be imported: a file, or a folder with a slash at its end. */
export const FENCE: Readonly<Record<string, readonly string[]>> = {
  '@opentelemetry/api': ['src/runtime/tracing/'],
  '@opentelemetry/exporter-trace-otlp-http': ['src/runtime/tracing/'],
  '@opentelemetry/resources': ['src/runtime/tracing/'],
  '@opentelemetry/sdk-trace': ['src/runtime/tracing/'],
  commander: ['src/cli.ts', 'src/cli/'],
  fastify: ['src/key-service/server.ts'],
  'http-proxy-3': ['src/proxy/upgrade.ts'],
  ioredis: ['src/runtime/redis/'],
  kysely: ['src/key-service/store/'],
  'lru-cache': ['src/proxy/keys/lookup.ts'],
  'node:sqlite': ['src/key-service/store/'],
  pg: ['src/key-service/store/'],
  pino: ['src/runtime/log.ts'],
  'prom-client': ['src/runtime/metrics.ts'],
  undici: ['src/proxy/keys/service-client.ts'],
  yaml: ['src/config/'],
  zod: ['src/config/', 'src/key-service/requests/'],
  preact: ['src/console/'],
  uplot: ['src/console/parts/'],
  uqr: ['src/console/parts/qr.tsx'],
};

export const packagesStayBehindTheirFence: Rule = (files) =>
  files
    .filter((file) => isUnder('src', file) && isCode(file))
    .flatMap((file) =>
      importsOf(file).flatMap(({ target, line }) => {
        const name = target === null ? null : packageOf(target);
        if (name === null || isOpenTo(file, name)) return [];
        return [{ path: file.path, line, what: `${name} is not for this file` }];
      }),
    );

/** A dependency nobody imports is gone, and one without a fence gets one. */
export const everyDependencyIsFencedAndUsed: Rule = (files) => {
  const manifest = files.find(({ path }) => path === 'package.json');
  if (manifest === undefined) return [];
  const { dependencies = {}, devDependencies = {} } = JSON.parse(manifest.text) as Record<
    string,
    Record<string, string> | undefined
  >;
  const used = new Set(
    files
      .filter((file) => isUnder('src', file) && isCode(file))
      .flatMap((file) => importsOf(file).map(({ target }) => packageOf(target ?? ''))),
  );
  const at = { path: manifest.path, line: 1 };
  const fenced = Object.keys(FENCE).filter((name) => !name.startsWith('node:'));
  return [
    ...Object.keys(dependencies).flatMap((name) => [
      ...(fenced.includes(name) ? [] : [{ ...at, what: `${name} has no fence` }]),
      ...(used.has(name) ? [] : [{ ...at, what: `${name} is imported nowhere in src` }]),
    ]),
    ...fenced
      .filter((name) => !(name in (isBuiltIn(name) ? devDependencies : dependencies)))
      .map((name) => ({ ...at, what: `the fence names ${name}, which is no dependency` })),
  ];
};

/** What the console's page is made of is in its bundle, and runs nowhere else. */
function isBuiltIn(name: string): boolean {
  return (FENCE[name] ?? []).every((place) => place.startsWith('src/console/'));
}

/** The package of an import, without its subpath; node:sqlite counts as one, the other builtins as none. */
function packageOf(target: string): string | null {
  if (target === 'node:sqlite') return target;
  if (target.startsWith('node:') || target.startsWith('.') || /^(?:src|test|bench|scripts)\//.test(target))
    return null;
  return /^(?:@[^/]+\/)?[^/]+/.exec(target)?.[0] ?? null;
}

function isOpenTo({ path }: SourceFile, name: string): boolean {
  return (FENCE[name] ?? []).some((gate) => (gate.endsWith('/') ? path.startsWith(gate) : path === gate));
}
