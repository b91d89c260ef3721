import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Secret } from '../../../src/core/secret.ts';
import { startTraced, type Traced } from '../../support/traced.ts';
import { until } from '../../support/until.ts';

const QUEUE = 2048;
const UNDER_WAY = 8 * 64;

function makeSpans({ tracing }: Traced, count: number): void {
  for (let i = 0; i < count; i++) {
    const span = tracing.begin({ name: `span ${i}`, kind: 'server', at: 1, attributes: { i } }, null);
    span.end({ at: 2, attributes: {}, failed: false });
  }
}

async function traced(...options: Parameters<typeof startTraced>): Promise<Traced> {
  const made = await startTraced(...options);
  onTestFinished(() => made.stop());
  return made;
}

const isDone = ({ counts }: Traced, count: number): boolean =>
  counts.exported + counts.failed + counts.dropped === count;

describe('spans', () => {
  it('reach the collector once each, however many there are', async () => {
    const to = await traced();
    for (let i = 0; i < 20; i++) {
      makeSpans(to, 150);
      await sleep(5);
    }
    await until('all spans', () => isDone(to, 3000));
    expect(to.counts).toEqual({ exported: 3000, failed: 0, dropped: 0 });
    expect(new Set(to.collector.spans.map(({ spanId }) => spanId)).size).toBe(3000);
  });

  it('go with the headers that the file names', async () => {
    const authorization = `Basic ${randomBytes(12).toString('base64')}`;
    const to = await traced({ headers: new Map([['Authorization', new Secret(authorization)]]) });
    makeSpans(to, 1);
    await until('a span', () => isDone(to, 1));
    const [request] = to.collector.received;
    expect(request?.headers.authorization).toBe(authorization);
    expect(request?.headers['content-type']).toBe('application/json');
  });

  it('are kept for the part of the traces that the file names', async () => {
    const to = await traced({ sample: 0.25 });
    makeSpans(to, 2000);
    await sleep(0);
    await until('some spans', () => to.counts.exported > 400);
    await to.tracing.close();
    // Twelve standard deviations.
    expect(Math.abs(to.collector.spans.length - 500)).toBeLessThan(240);
  });

  it('that are left at the end are handed over', async () => {
    const to = await traced();
    makeSpans(to, 1000);
    expect(await to.tracing.close()).toBe(0);
    expect(to.collector.spans).toHaveLength(1000);
    makeSpans(to, 3);
    expect(to.counts).toEqual({ exported: 1000, failed: 0, dropped: 3 });
  });
});

describe('a collector', () => {
  it('that says nothing holds a bounded number, and what is more is dropped at once', async () => {
    const to = await traced();
    to.collector.behave('is silent');
    makeSpans(to, QUEUE);
    await until('all under way', () => to.collector.received.length === UNDER_WAY / 64);
    makeSpans(to, QUEUE);
    expect(to.counts).toEqual({ exported: 0, failed: 0, dropped: QUEUE - UNDER_WAY });
    expect(to.collector.received).toHaveLength(UNDER_WAY / 64);
    const startedAt = performance.now();
    expect(await to.tracing.close()).toBe(QUEUE + UNDER_WAY);
    expect(performance.now() - startedAt).toBeLessThan(4000);
    await until('its connections end', () => to.collector.openConnections === 0);
  });

  it('that is silent and speaks again gets what comes then', async () => {
    const to = await traced({}, 500);
    to.collector.behave('is silent');
    makeSpans(to, 10);
    await until('the first', () => to.counts.failed === 10);
    expect(to.details).toEqual(['no answer in time']);
    to.collector.behave('takes');
    makeSpans(to, 10);
    await until('the others', () => to.counts.exported === 10);
  });

  it('that answers without end is left', async () => {
    const to = await traced({}, 500);
    to.collector.behave('dribbles');
    makeSpans(to, 10);
    await until('the first', () => to.counts.failed === 10);
    expect(to.details).toEqual(['no answer in time']);
    await until('its connections end', () => to.collector.openConnections === 0);
  });

  it('that refuses is quoted with its status alone', async () => {
    const to = await traced();
    to.collector.behave('refuses');
    makeSpans(to, 65);
    await until('all spans', () => isDone(to, 65));
    expect([to.counts.failed, ...new Set(to.details)]).toEqual([65, 'answered 400']);
  });

  it('that is away costs the spans, and no more', async () => {
    const to = await traced({ endpoint: 'http://127.0.0.1:9/v1/traces' }, 500);
    makeSpans(to, 10);
    await until('all spans', () => isDone(to, 10));
    expect(to.counts.failed).toBe(10);
    expect(to.details).toEqual(['ECONNREFUSED']);
  });
});
