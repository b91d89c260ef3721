import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { until } from '../support/until.ts';
import { MetricsStage, type Scrape } from './metrics-stage.ts';

const HOST = 'Host: gate.test\r\n';

interface Kind {
  readonly text: string;
  /** What it may be answered; null: the client leaves before. */
  readonly statuses: readonly number[] | null;
  /** Whether limits are asked, where it gets as far. */
  readonly limited: boolean;
}

const kind = (text: string, statuses: number[] | null, limited = false): Kind => ({
  text,
  statuses,
  limited,
});

const KINDS: Readonly<Record<string, Kind>> = {
  limited: kind(`GET /plexe/a HTTP/1.1\r\n${HOST}x-api-key: {RW}\r\n\r\n`, [200, 429], true),
  unlimited: kind(`GET /plexe/a HTTP/1.1\r\n${HOST}x-api-key: {URW}\r\n\r\n`, [200]),
  mcp: kind('GET /mcp HTTP/1.1\r\nHost: mcp.test\r\nAuthorization: ApiKey {M1}\r\n\r\n', [200, 429], true),
  open: kind(`GET /standard/open/x HTTP/1.1\r\n${HOST}\r\n`, [200]),
  'read only': kind(
    `POST /plexe/a HTTP/1.1\r\n${HOST}x-api-key: {RO}\r\nContent-Length: 0\r\n\r\n`,
    [403, 429],
  ),
  'no key': kind(`GET /standard HTTP/1.1\r\n${HOST}\r\n`, [401]),
  unknown: kind(`GET /standard HTTP/1.1\r\n${HOST}x-api-key: {UNKNOWN}\r\n\r\n`, [401]),
  revoked: kind(`GET /standard HTTP/1.1\r\n${HOST}x-api-key: {REV}\r\n\r\n`, [401]),
  'no route': kind(`GET /nowhere HTTP/1.1\r\n${HOST}\r\n`, [404]),
  dots: kind(`GET /standard/../x HTTP/1.1\r\n${HOST}\r\n`, [400]),
  'no HTTP': kind('this is no HTTP\r\n\r\n', [400]),
  trace: kind(`TRACE /standard HTTP/1.1\r\n${HOST}\r\n`, [405]),
  'no upstream': kind(`GET /gone HTTP/1.1\r\n${HOST}x-api-key: {S}\r\n\r\n`, [502]),
  left: kind(`GET /standard/left HTTP/1.1\r\n${HOST}x-api-key: {S}\r\n\r\n`, null),
};

let stage: MetricsStage;
beforeAll(async () => {
  stage = await MetricsStage.start((config) => config.replace('basic: [5/hour]', 'basic: [40/hour]'));
  stage.upstream.does(({ socket, startLine }) => {
    if (!startLine.includes('left')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
  });
});
afterAll(() => stage.stop());

/** How much more there is of a counter. */
function more(before: Scrape, after: Scrape) {
  return (name: string, labels: Record<string, string> = {}): number =>
    after.sum(name, labels) - before.sum(name, labels);
}

function countOf(scrape: Scrape, histogram: string): number {
  const { samples = [] } = scrape.families.get(`plexgate_${histogram}`) ?? {};
  return samples.filter(({ name }) => name.endsWith('_count')).reduce((total, { value }) => total + value, 0);
}

it('whatever comes, in whatever order, all counters agree', { timeout: 120_000 }, async () => {
  const mix = fc.array(fc.constantFrom(...Object.keys(KINDS)), { minLength: 1, maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(mix, async (names) => {
      const before = await stage.scrape();
      const kinds = names.map((name) => KINDS[name]).filter((one) => one !== undefined);
      const statuses = await Promise.all(
        kinds.map(({ text, statuses: may }) => stage.send(text, may === null ? 20 : null)),
      );
      kinds.forEach(({ statuses: may, text }, i) => {
        if (may !== null) expect(may, text).toContain(statuses[i]);
      });
      const count = kinds.length;
      await until('all are recorded', async () => {
        return more(before, await stage.scrape())('http_requests_total') >= count;
      });
      const after = await stage.scrape();
      const added = more(before, after);
      expect(added('http_requests_total')).toBe(count);
      expect(added('auth_decisions_total')).toBe(count);
      for (const name of ['http_request_duration_seconds', 'gateway_overhead_seconds'])
        expect(countOf(after, name) - countOf(before, name), name).toBe(count);
      expect(after.sum('http_requests_in_flight')).toBe(0);
      // Each request that got as far as its limits was let through by them or refused by them, once.
      const passed = kinds.filter(({ limited }, i) => limited && statuses[i] === 200).length;
      const refused = added('auth_decisions_total', { reason: 'rate_limited' });
      expect(added('ratelimit_decisions_total', { result: 'allow' })).toBe(passed);
      expect(added('ratelimit_decisions_total', { result: 'limit' })).toBe(refused);
      expect(added('ratelimit_decisions_total')).toBe(passed + refused);
      const answered = kinds.filter((_, i) => statuses[i] === 200).length;
      expect(added('http_requests_total', { source: 'upstream' })).toBe(answered);
    }),
    { numRuns: 25 },
  );
});
