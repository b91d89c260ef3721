import { describe, expect, it } from 'vitest';
import { contextAtUpstream, newTrace, traceStage } from './tracing-stage.ts';

describe('a request that is refused', () => {
  it.each([
    ['GET /plexe', '', 401, 'missing_credential', '/plexe'],
    ['GET /plexe', 'x-api-key: {UNKNOWN}\r\n', 401, 'unknown_key', '/plexe'],
    ['GET /plexe', 'x-api-key: {REV}\r\n', 401, 'revoked_key', '/plexe'],
    ['POST /plexe', 'x-api-key: {RO}\r\n', 403, 'method_not_permitted', '/plexe'],
    ['GET /nowhere', '', 404, 'no_route', null],
    ['GET /plexe/..', '', 400, 'malformed_request', null],
    ['TRACE /plexe', '', 405, 'method_not_allowed', null],
    ['MKCOL /plexe', '', 401, 'missing_credential', '/plexe'],
  ])('says why: %s with %j is %d %s', async (start, lines, status, reason, route) => {
    const stage = await traceStage();
    const traceId = newTrace();
    expect(await stage.ask(start, traceId, lines.replace('{UNKNOWN}', 'somebody-elses-key'))).toBe(status);
    const [own, ...others] = await stage.trace(traceId, 1);
    const method = start.startsWith('MKCOL') ? 'HTTP' : (start.split(' ')[0] ?? '');
    expect(own?.name).toBe(route === null ? method : `${method} ${route}`);
    expect(own?.attributes).toMatchObject({
      'http.request.method': method === 'HTTP' ? '_OTHER' : method,
      'http.response.status_code': status,
      'plexgate.reason': reason,
      'plexgate.result': 'deny',
      'plexgate.source': 'gateway',
    });
    expect(own?.attributes['http.route']).toBe(route ?? undefined);
    expect(own?.attributes['error.type']).toBeUndefined();
    expect([own, ...others].filter((span) => span?.failed === true || span?.kind === 'client')).toEqual([]);
  });

  it('because the key service is away has failed', async () => {
    const stage = await traceStage();
    const traceId = newTrace();
    stage.gate.keyServiceAnswers(false);
    expect(await stage.ask('GET /plexe', traceId, 'x-api-key: never-seen-before\r\n')).toBe(503);
    const [own] = await stage.trace(traceId, 2);
    expect(own?.attributes).toMatchObject({
      'error.type': 'key_service_unavailable',
      'plexgate.reason': 'key_service_unavailable',
      'plexgate.result': 'error',
    });
    expect(own?.failed).toBe(true);
  });
});

describe('an upstream that fails', () => {
  it('is told of as what failed', async () => {
    const stage = await traceStage();
    const traceId = newTrace();
    expect(await stage.ask('GET /gone', traceId)).toBe(502);
    const [own, hop] = await stage.trace(traceId, 2);
    expect(hop).toMatchObject({ kind: 'client', failed: true, attributes: { 'error.type': 'refused' } });
    expect(own).toMatchObject({
      failed: true,
      attributes: { 'error.type': 'upstream_unreachable', 'plexgate.reason': 'upstream_unreachable' },
    });
  });

  it('has a span, and so has the one that is asked in its place', async () => {
    const stage = await traceStage();
    const tried: (string | number | undefined)[][] = [];
    // They take turns.
    for (let i = 0; i < 2; i++) {
      const traceId = newTrace();
      expect(await stage.ask('GET /two', traceId)).toBe(200);
      const hops = (await stage.trace(traceId, 2)).filter(({ kind }) => kind === 'client');
      expect(hops.at(-1)?.spanId).toBe(contextAtUpstream(stage).context?.parentId);
      tried.push(
        hops.map(({ attributes }) => attributes['error.type'] ?? attributes['http.request.resend_count']),
      );
    }
    expect(tried).toContainEqual(['refused', 1]);
  });

  it.each([
    [404, 'GET', { failed: false }, { failed: true, attributes: { 'error.type': '404' } }],
    [500, 'GET', { failed: true, attributes: { 'error.type': '500' } }, { failed: true }],
  ])('by answering %d fails for who asked it', async (status, method, own, hop) => {
    const stage = await traceStage();
    stage.upstream.answerWith({ status, headers: [], body: 'no', behaviour: 'answers' });
    const traceId = newTrace();
    expect(await stage.ask(`${method} /plexe`, traceId, 'x-api-key: {RW}\r\n')).toBe(status);
    const spans = await stage.trace(traceId, 3);
    expect(spans[0]).toMatchObject(own);
    expect(spans.find(({ kind }) => kind === 'client')).toMatchObject(hop);
  });
});
