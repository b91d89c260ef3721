import { permit, type Permit } from '../src/core/decision.ts';
import { REASONS, type Reason } from '../src/core/reasons.ts';
import { openExchange, type Exchange } from '../src/proxy/record.ts';
import { RequestMetrics } from '../src/proxy/request-metrics.ts';
import { openTrace } from '../src/proxy/request-trace.ts';
import type { Place } from '../src/proxy/routes.ts';
import { TierMetrics } from '../src/proxy/tier-metrics.ts';
import { systemClock } from '../src/runtime/clock.ts';
import { createMetrics, type Metrics } from '../src/runtime/metrics.ts';
import { openTracing, type Tracing } from '../src/runtime/tracing/tracing.ts';
import { startCollector } from '../test/support/collector.ts';
import { recordOf } from '../test/support/key-record.ts';

/**
 * `npm run bench:observing`: what a request costs that is counted and traced, on this one thread, and what a scrape of
 * ten routes and four tiers costs. The parts are of a request that takes the gate as little as any does; most take more.
 */
const REQUEST_MICROSECONDS = 40;
const TIMES = 200_000;
const ROUNDS = 7;
const ROUTES = Array.from({ length: 10 }, (_, i) => `/r${i}`);
const UPSTREAM = 'http://127.0.0.1:3000';

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** Microseconds of a processor, so that what else the machine does hardly counts; the median of several rounds after one. */
function microsecondsOf(one: (i: number) => void, times = TIMES): number {
  const rounds = Array.from({ length: ROUNDS + 1 }, () => {
    const before = process.threadCpuUsage();
    for (let i = 0; i < times; i++) one(i);
    const { user, system } = process.threadCpuUsage(before);
    return (user + system) / times;
  });
  return median(rounds.slice(1));
}

function say(what: string, microseconds: number): void {
  const part = (100 * microseconds) / REQUEST_MICROSECONDS;
  process.stdout.write(
    `${what.padEnd(52)} ${microseconds.toFixed(2)} us  ${part.toFixed(1)} % of a request\n`,
  );
}

function counting(metrics: Metrics): (i: number) => void {
  const requests = new RequestMetrics(metrics);
  requests.adopt(new Set([...ROUTES, 'none']), new Set([UPSTREAM]));
  const tiers = new TierMetrics(metrics, 'memory');
  const names = ['basic', 'pro', 'team', 'enterprise'];
  const plexe = new Map(names.map((name) => [name, []]));
  tiers.adopt({ plexe, plextera: new Map(), plexmcp: new Map(), standard: new Map() });
  const lookups = metrics.lookups.labels('l1', 'hit');
  return (i) => {
    const route = ROUTES[i % ROUTES.length] ?? '';
    lookups.inc();
    tiers.count(`plexe/${names[i % 4]}`, 'allow');
    requests.begin(route);
    requests.end({
      route,
      method: 'GET',
      status: 200,
      source: 'upstream',
      denied: null,
      durationSeconds: 0.001,
      overheadSeconds: 0.0001,
    });
    requests.upstreamAnswered(UPSTREAM, 0.0009);
  };
}

/** Every status that the gate has, and some of upstreams, on each route. */
function countAll(metrics: Metrics): void {
  const requests = new RequestMetrics(metrics);
  requests.adopt(new Set([...ROUTES, 'none']), new Set([UPSTREAM]));
  for (const route of ROUTES) {
    for (const denied of [null, ...(Object.keys(REASONS) as Reason[])]) {
      const status = denied === null ? 200 : REASONS[denied].status;
      const source = denied === null ? 'upstream' : 'gateway';
      requests.begin(route);
      const about = { route, method: 'GET', status, denied, durationSeconds: 0.001, overheadSeconds: 0.001 };
      requests.end({ ...about, source });
    }
  }
}

async function scraping(metrics: Metrics): Promise<void> {
  countAll(metrics);
  const times: number[] = [];
  let text = '';
  for (let i = 0; i < 50; i++) {
    const before = process.threadCpuUsage();
    ({ text } = await metrics.scrape());
    const { user, system } = process.threadCpuUsage(before);
    times.push((user + system) / 1000);
  }
  const series = text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length;
  const kilobytes = (Buffer.byteLength(text) / 1000).toFixed(0);
  process.stdout.write(
    `a scrape: ${median(times).toFixed(1)} ms, ${series} series, ${kilobytes} kB (at most 20 ms, 1500, 200 kB)\n`,
  );
}

/** An allowed request with its spans: the one of its own, and one attempt at an upstream. */
function tracingOne(tracing: Tracing, sampled: boolean): () => void {
  const flag = sampled ? '01' : '00';
  const traceparent = `00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-${flag}`;
  const raw = ['Host', 'a', 'Accept', '*/*', 'User-Agent', 'b', 'traceparent', traceparent];
  const request = { isEncrypted: false, head: { method: 'GET', httpVersion: '1.1' as const, raw } };
  const place = { route: { config: { id: '/r0' } } } as unknown as Place;
  const about = { route: place, key: recordOf(), source: 'l1' as const, limits: [] };
  const decision: Permit<Place> = permit(about, null, () => true);
  return () => {
    const at = performance.now();
    const trace = openTrace(tracing, request, { at, isTrusted: false });
    const hop = trace.hop(UPSTREAM, raw, { at, repeats: 0 });
    hop.end({ status: 200, error: null, answeredAt: at }, at);
    const exchange: Exchange = {
      ...openExchange({ requestId: 'r', method: 'GET', url: '/', address: '', userAgent: null }, at),
      decision,
      answeredAt: at,
      status: 200,
    };
    trace.end(exchange, { route: '/r0', source: 'upstream', endedAt: at });
  };
}

/** Batch after batch, each once the one before is through: to the collector's last byte, which is on this thread, too. */
async function exporting(tracing: Tracing, done: () => number): Promise<void> {
  const one = tracingOne(tracing, true);
  const flushed = async (count: number): Promise<void> => {
    const goal = done() + count;
    for (let i = 0; i < count / SPANS; i++) one();
    while (done() < goal) await new Promise((resolve) => setTimeout(resolve, 1));
  };
  await new Promise((resolve) => setTimeout(resolve, 3000));
  for (let i = 0; i < 50; i++) await flushed(BATCH);
  const before = process.threadCpuUsage();
  for (let i = 0; i < 100; i++) await flushed(BATCH);
  const { user, system } = process.threadCpuUsage(before);
  say('traced, kept and sent', (user + system) / ((100 * BATCH) / SPANS));
}

const SPANS = 2;
const BATCH = 64;

async function main(): Promise<void> {
  const metrics = createMetrics({ version: 'bench', revision: 'bench' });
  say('counted: all metrics of an allowed request', microsecondsOf(counting(metrics)));
  await scraping(metrics);
  const collector = await startCollector();
  // It reads and does not understand, so that what is measured on this thread is hardly its own.
  collector.behave('refuses');
  const counts = { exported: 0, failed: 0, dropped: 0 };
  const tracing = await openTracing({
    config: {
      endpoint: collector.endpoint,
      sample: 1,
      callers: 'any',
      headers: new Map(),
      service: 'bench',
      resource: new Map(),
    },
    version: 'bench',
    clock: systemClock,
    events: { spans: (result, count) => void (counts[result] += count) },
  });
  say('traced, and not kept', microsecondsOf(tracingOne(tracing, false), TIMES / 4));
  // Most of these are dropped: what is measured is what the request waits for.
  say('traced and kept, up to the queue', microsecondsOf(tracingOne(tracing, true), TIMES / 4));
  await exporting(tracing, () => counts.failed);
  await tracing.close();
  await collector.stop();
}

await main();
