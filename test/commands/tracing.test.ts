import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { startCollector, type Collector } from '../support/collector.ts';
import { until } from '../support/until.ts';
import { logLines, makeFolder, MAIN, placesOf, startCommand, type Program } from './program.ts';

const CONFIG = `
admin: { port: 0 }
proxy:
  host: 127.0.0.1
  port: 0
  drain: { delay: 0s, timeout: 5s }
  routes: [{ auth: none, upstream: echo }]
keyService: { port: 0, store: 'sqlite::memory:' }
`;

/** Tells on standard error, at the end, which modules of the tracing library were loaded. */
const WITNESS = `
import { registerHooks } from 'node:module';
const seen = new Set();
registerHooks({
  resolve(specifier, context, next) {
    const resolved = next(specifier, context);
    const [, name] = /@opentelemetry\\/((?!api\\/)[^/]+)/.exec(resolved.url) ?? [];
    if (name !== undefined) seen.add(name);
    return resolved;
  },
});
process.on('exit', () => process.stderr.write('loaded: ' + [...seen].sort().join(' ') + '\\n'));
`;

async function start(tracing: (collector: Collector) => string) {
  const collector = await startCollector();
  const folder = makeFolder(CONFIG + tracing(collector));
  const witness = join(folder.path, 'witness.mjs');
  writeFileSync(witness, WITNESS);
  const args = ['--import', witness, MAIN, 'run', '--config', folder.config];
  const program = startCommand(process.execPath, args, folder.path);
  onTestFinished(async () => {
    program.signal('SIGKILL');
    await program.ended;
    folder.remove();
    await collector.stop();
  });
  return { collector, program, ...(await placesOf(program)) };
}

async function endOf(program: Program) {
  const startedAt = performance.now();
  program.signal('SIGTERM');
  const { code, stdout, stderr } = await program.ended;
  return { code, log: logLines(stdout), stderr, tookMs: performance.now() - startedAt };
}

async function spansByResult(admin: string): Promise<Record<string, number>> {
  const text = await (await fetch(`${admin}/metrics`)).text();
  const found = text.matchAll(/^plexgate_trace_spans_total\{result="(\w+)"\} (\d+)$/gm);
  return Object.fromEntries(Array.from(found, ([, result, count]) => [result, Number(count)]));
}

it('a program that is asked to trace hands over its last spans before it ends', async () => {
  const tracing = ({ endpoint }: Collector) => `tracing: { endpoint: '${endpoint}', sample: 1 }`;
  const { collector, program, gate, admin } = await start(tracing);
  expect(await spansByResult(admin)).toEqual({ exported: 0, failed: 0, dropped: 0 });
  expect((await fetch(`${gate}/first`)).status).toBe(200);
  await until('the first spans', async () => (await spansByResult(admin))['exported'] === 2);
  expect((await fetch(`${gate}/last`)).status).toBe(200);
  const end = await endOf(program);
  expect(end.code).toBe(0);
  expect(end.stderr).toContain('loaded: core exporter-trace-otlp-http otlp-exporter-base');
  expect(collector.spans.map(({ name }) => name).toSorted()).toEqual(['GET', 'GET', 'GET /', 'GET /']);
  const traced = end.log.map(({ traceId }) => traceId).filter((id) => id !== undefined);
  const traces = collector.spans.filter(({ kind }) => kind === 'server').map(({ traceId }) => traceId);
  expect(traced).toEqual(traces);
});

it('a program that is not asked to has nothing of it in memory', async () => {
  const { collector, program, gate, admin } = await start(() => '');
  const traceparent = `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-01`;
  const answer = await fetch(`${gate}/first`, { headers: { traceparent } });
  expect(await answer.text()).toContain(traceparent);
  expect(await spansByResult(admin)).toEqual({ exported: 0, failed: 0, dropped: 0 });
  const end = await endOf(program);
  expect([end.code, end.stderr]).toEqual([0, 'loaded: \n']);
  expect(collector.received).toEqual([]);
});

it.each(['is silent', 'refuses', 'dribbles'] as const)(
  'a collector that %s holds up no request and not the end',
  async (manner) => {
    const tracing = ({ endpoint }: Collector) => `tracing: { endpoint: '${endpoint}', sample: 1 }`;
    const { collector, program, gate } = await start(tracing);
    collector.behave(manner);
    for (let i = 0; i < 100; i++) expect((await fetch(`${gate}/${i}`)).status).toBe(200);
    const end = await endOf(program);
    expect(end.code).toBe(0);
    // Two seconds for the spans, and as long as any machine takes to end.
    expect(end.tookMs).toBeLessThan(10_000);
    const told = end.log.filter(({ msg }) => /^spans (?:are not taken|were left over)/.test(String(msg)));
    expect(told.length).toBeGreaterThan(0);
  },
);
