import { randomBytes } from 'node:crypto';
import { onTestFinished } from 'vitest';
import type { TracingConfig } from '../../src/config/config.ts';
import { readTraceContext } from '../../src/core/trace-context.ts';
import type { CollectedSpan } from '../support/collector.ts';
import { valuesOf } from '../support/http-message.ts';
import { exchange } from '../support/raw-client.ts';
import { startStage, type Stage, type StageOptions } from '../support/stage.ts';
import { startTraced, type Traced } from '../support/traced.ts';

export const CONFIG = `
proxy:
  failedAuthentication: off
  tiers: { plexe: { basic: [1000/minute] } }
  routes:
    - { match: { path: /plexe }, profile: plexe, upstream: '{upstream}' }
    - { match: { path: /gone }, profile: plexe, auth: none, upstream: 'http://127.0.0.1:9' }
    - { match: { path: /two }, profile: plexe, auth: none, upstream: ['http://127.0.0.1:9', '{upstream}'] }
keyService: {}
`;

export const newTrace = (): string => randomBytes(16).toString('hex');
export const PARENT = 'b7ad6b7169203331';

export interface TracedStage extends Stage, Traced {
  /** One request under a caller's context; its status. */
  ask(start: string, traceId: string, lines?: string, body?: string): Promise<number>;
}

export async function traceStage(
  tracing: Partial<TracingConfig> = {},
  more: Partial<StageOptions> = {},
): Promise<TracedStage> {
  const traced = await startTraced(tracing);
  const stage = await startStage({
    config: CONFIG,
    fixtures: '{RW} {RO} {REV}',
    tracing: traced.tracing,
    ...more,
  });
  onTestFinished(async () => {
    await stage.stop();
    await traced.stop();
  });
  return {
    ...stage,
    ...traced,
    get collector() {
      return traced.collector;
    },
    stop: () => Promise.resolve(),
    async ask(start, traceId, lines = '', body = '') {
      const context = traceId === '' ? '' : `traceparent: 00-${traceId}-${PARENT}-01\r\n`;
      const text = `${start} HTTP/1.1\r\nHost: a.test\r\n${context}${lines}\r\n${body}`;
      return (await exchange(stage.gate.port, stage.fixtures.fill(text))).status;
    },
  };
}

/** The context that the upstream got with its latest request, or its request before so many others. */
export function contextAtUpstream({ upstream }: Stage) {
  const request = upstream.requests.at(-1);
  if (request === undefined) throw new Error('the upstream has seen no request');
  return {
    context: readTraceContext(request.headers.flat()),
    lines: valuesOf(request, 'traceparent').length,
    state: valuesOf(request, 'tracestate'),
  };
}

/** What spans MUST say, by name and kind, each under whom. */
export function outline(spans: readonly CollectedSpan[]) {
  const nameOf = (id: string): string => spans.find(({ spanId }) => spanId === id)?.name ?? id;
  return spans.map(({ name, kind, parentSpanId }) => `${kind} ${name} < ${nameOf(parentSpanId)}`);
}
