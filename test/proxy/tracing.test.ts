import { describe, expect, it, onTestFinished } from 'vitest';
import { exchange } from '../support/raw-client.ts';
import { startStage } from '../support/stage.ts';
import { CONFIG, contextAtUpstream, newTrace, outline, PARENT, traceStage } from './tracing-stage.ts';

describe('a request that is traced', () => {
  it('has a span under the caller, and one below it for each step that took time', async () => {
    const stage = await traceStage();
    const [cold, warm] = [newTrace(), newTrace()];
    expect(await stage.ask('GET /plexe/x?page=1', cold, 'x-api-key: {RW}\r\nX-Request-Id: r-1\r\n')).toBe(
      200,
    );
    expect(await stage.ask('GET /plexe/x', warm, 'x-api-key: {RW}\r\n')).toBe(200);
    const spans = await stage.trace(cold, 3);
    expect(outline(spans)).toEqual([
      `server GET /plexe < ${PARENT}`,
      'internal ask key service < GET /plexe',
      'client GET < GET /plexe',
    ]);
    const [own, lookup, hop] = spans;
    expect(own?.attributes).toEqual({
      'http.request.method': 'GET',
      'http.route': '/plexe',
      'http.response.status_code': 200,
      'url.scheme': 'http',
      'network.protocol.version': '1.1',
      'plexgate.request.id': 'r-1',
      'plexgate.result': 'allow',
      'plexgate.source': 'upstream',
      'plexgate.key.layer': 'origin',
      'plexgate.key.id': expect.any(String),
      'plexgate.owner.id': 'account-a',
      'plexgate.tier': 'basic',
    });
    expect(lookup?.attributes).toEqual({ 'plexgate.key.layer': 'origin' });
    expect(hop?.attributes).toEqual({
      'http.request.method': 'GET',
      'http.response.status_code': 200,
      'url.scheme': 'http',
      'server.address': '127.0.0.1',
      'server.port': stage.upstream.port,
    });
    expect(hop?.events).toEqual(['answer begins']);
    expect(spans.filter(({ failed }) => failed)).toEqual([]);
    for (const { from, to } of spans) {
      expect(from).toBeGreaterThanOrEqual(own?.from ?? 0n);
      expect(to).toBeLessThanOrEqual(own?.to ?? 0n);
      expect(to).toBeGreaterThanOrEqual(from);
    }
    expect(Math.abs(Number(own?.from) / 1e6 - Date.now())).toBeLessThan(60_000);
    // What is in memory is not waited for.
    const second = await stage.trace(warm, 2);
    expect(outline(second)).toEqual([`server GET /plexe < ${PARENT}`, 'client GET < GET /plexe']);
    expect(second[0]?.attributes['plexgate.key.layer']).toBe('l1');
  });

  it('is named in its log line', async () => {
    const stage = await traceStage();
    const traceId = newTrace();
    await stage.ask('GET /plexe', traceId, 'x-api-key: {RW}\r\n');
    expect(stage.gate.logLines.filter((line) => line.includes(`"traceId":"${traceId}"`))).toHaveLength(1);
  });

  it('carries what the file says of the process', async () => {
    const resource = new Map([
      ['deployment.environment.name', 'production'],
      ['service.name', 'another'],
    ]);
    const stage = await traceStage({ service: 'front-door', resource });
    const traceId = newTrace();
    await stage.ask('GET /plexe', traceId, 'x-api-key: {RW}\r\n');
    expect((await stage.trace(traceId, 1))[0]?.resource).toEqual({
      'service.name': 'front-door',
      'service.version': 'test',
      'deployment.environment.name': 'production',
    });
  });

  it('waits for Redis and for limits in spans of their own', async () => {
    const stage = await traceStage(
      {},
      { withRedis: true, sharing: 1, config: CONFIG.replace('proxy:', 'proxy:\n  limits: { mode: exact }') },
    );
    const traceId = newTrace();
    expect(await stage.ask('GET /plexe', traceId, 'x-api-key: {RW}\r\n')).toBe(200);
    expect(outline(await stage.trace(traceId, 5))).toEqual([
      `server GET /plexe < ${PARENT}`,
      'internal recall key < GET /plexe',
      'internal ask key service < GET /plexe',
      'internal take limits < GET /plexe',
      'client GET < GET /plexe',
    ]);
  });
});

describe('the upstream', () => {
  it("gets the caller's trace with the attempt as its parent, and the caller's state as it came", async () => {
    const stage = await traceStage();
    const traceId = newTrace();
    await stage.ask('GET /plexe', traceId, 'x-api-key: {RW}\r\ntracestate: a=1\r\nTracestate: b=2\r\n');
    const hop = (await stage.trace(traceId, 3)).find(({ kind }) => kind === 'client');
    const { context, lines, state } = contextAtUpstream(stage);
    expect(lines).toBe(1);
    expect(context).toMatchObject({ traceId, parentId: hop?.spanId, sampled: true });
    expect(state).toEqual(['a=1,b=2']);
  });

  it('gets it with a body that waits for its word, too', async () => {
    const stage = await traceStage();
    const traceId = newTrace();
    const lines = 'x-api-key: {RW}\r\nExpect: 100-continue\r\nContent-Length: 2\r\n';
    expect(await stage.ask('POST /plexe', traceId, lines, 'hi')).toBe(200);
    const hop = (await stage.trace(traceId, 3)).find(({ kind }) => kind === 'client');
    expect(contextAtUpstream(stage).context).toMatchObject({ traceId, parentId: hop?.spanId });
  });

  it('gets a trace that begins here where the caller has none, or none that can be believed', async () => {
    const stage = await traceStage();
    for (const lines of ['', `traceparent: 00-${newTrace()}-${PARENT}\r\ntracestate: a=1\r\n`]) {
      await stage.ask('GET /plexe', '', `x-api-key: {RW}\r\n${lines}`);
      const { context, state } = contextAtUpstream(stage);
      const spans = await stage.trace(context?.traceId ?? '', 2);
      expect(spans[0]?.parentSpanId).toBe('');
      expect(spans.find(({ kind }) => kind === 'client')?.spanId).toBe(context?.parentId);
      expect(state).toEqual([]);
    }
  });

  it('gets a trace that is not kept as one that is not kept', async () => {
    const stage = await traceStage({ sample: 0 });
    const [kept, notKept] = [newTrace(), newTrace()];
    const unkept = `traceparent: 00-${notKept}-${PARENT}-00\r\ntracestate: a=1\r\n`;
    await stage.ask('GET /plexe', '', `x-api-key: {RW}\r\n${unkept}`);
    const { context, state } = contextAtUpstream(stage);
    expect(context).toMatchObject({ traceId: notKept, sampled: false });
    expect(context?.parentId).not.toBe(PARENT);
    expect(state).toEqual(['a=1']);
    await stage.ask('GET /plexe', '', 'x-api-key: {RW}\r\n');
    expect(contextAtUpstream(stage).context).toMatchObject({ sampled: false });
    // The caller's word holds, whatever part of the traces that begin here is kept.
    await stage.ask('GET /plexe', kept, 'x-api-key: {RW}\r\n');
    await stage.trace(kept, 2);
    expect(new Set(stage.collector.spans.map(({ traceId }) => traceId))).toEqual(new Set([kept]));
    expect(stage.gate.logLines.filter((line) => line.includes('traceId'))).toHaveLength(1);
  });

  it.each([
    ['any', '', true],
    ['trusted', '', false],
    ['trusted', 'trustedProxies: [127.0.0.0/8]', true],
    ['none', 'trustedProxies: [127.0.0.0/8]', false],
  ] as const)('continues the trace of %s callers, with %j', async (callers, trusted, isContinued) => {
    const config = CONFIG.replace('proxy:', `proxy:\n  ${trusted}`);
    const stage = await traceStage({ callers }, { config });
    const traceId = newTrace();
    await stage.ask('GET /plexe', traceId, 'x-api-key: {RW}\r\ntracestate: a=1\r\n');
    const { context, lines, state } = contextAtUpstream(stage);
    expect([context?.traceId === traceId, lines, state]).toEqual([
      isContinued,
      1,
      isContinued ? ['a=1'] : [],
    ]);
  });

  it('gets what the caller sent where nothing is traced', async () => {
    const upstream = await startStage({ config: CONFIG, fixtures: '{RW}' });
    onTestFinished(() => upstream.stop());
    const lines = `traceparent: 00-${newTrace()}-${PARENT}-01\r\nTraceState: a=1\r\n`;
    const text = `GET /plexe HTTP/1.1\r\nHost: a\r\nx-api-key: {RW}\r\n${lines}\r\n`;
    await exchange(upstream.gate.port, upstream.fixtures.fill(text));
    const [request] = upstream.upstream.requests;
    const sent = request?.headers.filter(([name]) => /^trace/i.test(name)).map((header) => header.join(': '));
    expect(sent?.join('\r\n').concat('\r\n')).toBe(lines);
  });
});
