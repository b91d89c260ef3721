import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readHead } from '../../src/core/request-head.ts';
import { readTarget } from '../../src/core/target.ts';
import { Routes } from '../../src/proxy/routes.ts';
import { proxyConfigOf } from '../support/proxy-config.ts';

/** `HOST/path flags` to a route with these rules; flags: `strip`, `open`, `base`. */
function routesOf(routes: Record<string, readonly string[]>): Routes {
  const list = Object.entries(routes).map(([text, rules]) => {
    const [match = '', ...flags] = text.split(' ');
    const [, host, path] = /^([^/]*)(\/.*)$/.exec(match) ?? [];
    return {
      match: { ...(host ? { host } : {}), path },
      profile: 'standard',
      upstream: `http://127.0.0.1:1${flags.includes('base') ? '/base' : ''}`,
      stripPath: flags.includes('strip'),
      auth: flags.includes('open') ? 'none' : 'required',
      rules: rules.map(ruleOf),
    };
  });
  const { routes: configs } = proxyConfigOf(JSON.stringify({ proxy: { routes: list }, keyService: {} }));
  return new Routes(configs, ({ upstream, credential }) => {
    if (upstream.kind !== 'http') throw new Error('the upstream is an address');
    return { ...upstream, credential, isManagement: false };
  });
}

/** `GET,PUT /path read` or `/path open`. */
function ruleOf(text: string) {
  const parts = text.split(' ');
  const word = parts.pop();
  const path = parts.pop();
  const methods = parts.pop()?.split(',');
  const effect = word === 'open' ? { auth: 'none' } : { access: word };
  return { path, ...(methods === undefined ? {} : { methods }), ...effect };
}

/** What a request comes to: `no_route`, `ambiguous`, or the route with what holds there. */
function found(routes: Routes, request: string): string {
  const [method = '', host = '', url = ''] = request.split(' ');
  const target = readTarget(url, [host]);
  if (target.kind === 'problem') return `refused: ${target.problem}`;
  const match = routes.match(method, target, readHead(host === '-' ? [] : ['Host', host]));
  if (match.kind !== 'place') return match.kind;
  const { route, forwardedPath, auth, access } = match.place;
  return `${route.config.id} ${forwardedPath} ${auth === 'none' ? 'open' : access}`;
}

describe('a request is matched by host and path', () => {
  const routes = routesOf({
    'a.test/': [],
    'a.test/v1': [],
    'a.test/v1/models/large': [],
    '/v1/models': [],
    '/deep': [],
  });

  it.each([
    ['GET a.test /', 'a.test/ / by-method'],
    ['GET a.test /v1', 'a.test/v1 /v1 by-method'],
    ['GET a.test /v1/', 'a.test/v1 /v1/ by-method'],
    ['GET a.test /v1?x=/v1/models/large', 'a.test/v1 /v1?x=/v1/models/large by-method'],
    ['GET a.test /v1/models/large', 'a.test/v1/models/large /v1/models/large by-method'],
    ['GET a.test /v1/models/large/x', 'a.test/v1/models/large /v1/models/large/x by-method'],
    // By whole segments, and with regard to case.
    ['GET a.test /v1/models/larger', 'a.test/v1 /v1/models/larger by-method'],
    ['GET a.test /v10', 'a.test/ /v10 by-method'],
    ['GET a.test /V1', 'a.test/ /V1 by-method'],
    // A route of the host comes before any route of all hosts, however short.
    ['GET a.test /v1/models', 'a.test/v1 /v1/models by-method'],
    ['GET b.test /v1/models', '/v1/models /v1/models by-method'],
    ['GET b.test /v1', 'no_route'],
    ['GET b.test /', 'no_route'],
    ['GET - /deep', '/deep /deep by-method'],
    ['GET - /v1', 'no_route'],
    // Case and port of the Host do not matter.
    ['GET A.Test:8080 /v1', 'a.test/v1 /v1 by-method'],
    ['GET a.test: /v1', 'a.test/v1 /v1 by-method'],
    ['GET a.test:x /v1', 'no_route'],
    ['GET xa.test /v1', 'no_route'],
    ['GET * /v1', 'no_route'],
    ['GET * /deep', '/deep /deep by-method'],
    ['GET __proto__ /v1', 'no_route'],
  ])('%s: %s', (request, expected) => {
    expect(found(routes, request)).toBe(expected);
  });
});

describe('with stripPath the upstream gets the rest', () => {
  const routes = routesOf({
    '/api strip': ['/admin/** write', '/health open', '/x/y write'],
    '/kept base': ['/kept/health open'],
    '/both strip base': [],
    '/ strip': [],
  });

  it.each([
    ['GET - /api', '/api / by-method'],
    ['GET - /api/', '/api / by-method'],
    ['GET - /api/x?y=1', '/api /x?y=1 by-method'],
    ['GET - /api?y=1', '/api /?y=1 by-method'],
    ['GET - /api/health', '/api /health open'],
    ['GET - /kept/health', '/kept /base/kept/health open'],
    ['GET - /kept', '/kept /base/kept by-method'],
    ['GET - /both/x', '/both /base/x by-method'],
    ['GET - /both', '/both /base/ by-method'],
    ['GET - /other', '/ /other by-method'],
    // What is left after the prefix may begin with two slashes, which some readers take for the start of a host.
    ['GET - /api//health', 'ambiguous'],
    ['GET - /api//any.host/admin/users', 'ambiguous'],
    ['GET - /api//any.host/health', 'ambiguous'],
    ['GET - /api/%2fany.host/admin/users', 'ambiguous'],
    ['GET - /api//any.host/harmless', '/api //any.host/harmless by-method'],
    ['GET - /api/x//y', 'ambiguous'],
  ])('%s: %s', (request, expected) => {
    expect(found(routes, request)).toBe(expected);
  });
});

describe('the first rule that covers path and method holds', () => {
  const routes = routesOf({
    '/': [
      'GET,HEAD /models/*/infer write',
      'POST /models/*/infer read',
      '/health open',
      '/public/** open',
      '/a/*/b/** read',
      '/a/x/b/secret write',
      '/** by-method',
    ],
    '/slash': ['/slash/end write', '/slash/* read'],
    'all.test/': ['/** write'],
  });

  it.each([
    ['POST - /models/m1/infer', 'read'],
    ['GET - /models/m1/infer', 'write'],
    ['PUT - /models/m1/infer', 'by-method'],
    ['post - /models/m1/infer', 'by-method'],
    ['POST - /models/infer', 'by-method'],
    ['POST - /models/m1/x/infer', 'by-method'],
    ['POST - /models/m1/infer/x', 'by-method'],
    ['POST - /models/m1/infer/', 'read'],
    ['GET - /health', 'open'],
    ['GET - /health/', 'open'],
    ['DELETE - /health', 'open'],
    ['GET - /healthy', 'by-method'],
    ['GET - /health/x', 'by-method'],
    ['GET - /Health', 'by-method'],
    ['GET - /public', 'open'],
    ['GET - /public/', 'open'],
    ['GET - /public/a/b/c', 'open'],
    ['GET - /publicity', 'by-method'],
    ['GET - /a/x/b', 'read'],
    // The earlier rule wins, although the later one names the path in full.
    ['GET - /a/x/b/secret', 'read'],
    ['GET - /a/b', 'by-method'],
    ['GET - /slash/end', 'write'],
    ['GET - /slash/end/', 'write'],
    ['GET - /slash/other', 'read'],
    ['GET - /slash', 'by-method'],
    ['GET all.test /', 'write'],
    ['GET all.test /x', 'write'],
  ])('%s: %s', (request, expected) => {
    expect(found(routes, request).split(' ').at(-1)).toBe(expected);
  });
});

describe('another reading of the path', () => {
  const routes = routesOf({
    '/': ['/admin/** write', '/health open', '/files/*/meta read'],
    '/api': [],
    '/api/internal': [],
  });

  it.each([
    ['that leads to another route is refused', 'GET - /api%2finternal', 'ambiguous'],
    ['through an encoded letter is refused', 'GET - /%61pi/x', 'ambiguous'],
    ['through a doubled slash is refused', 'GET - /api//internal', 'ambiguous'],
    ['through a doubled slash in front is refused', 'GET - //api/x', 'ambiguous'],
    ['with a host in front is refused', 'GET - //any.host/api/x', 'ambiguous'],
    ['with an encoded slash in front is refused', 'GET - /%2fapi/x', 'ambiguous'],
    ['that leads to another rule is refused', 'GET - /%61dmin/x', 'ambiguous'],
    ['that leads to no rule is refused', 'GET - /admin%2fx', 'ambiguous'],
    ['that makes a rule cover it is refused', 'GET - //health', 'ambiguous'],
    ['that splits a segment of a rule is refused', 'GET - /files/a%2fb/meta', 'ambiguous'],
    ['that leads to the same route and rule passes', 'GET - /admin/x%2fy', '/ /admin/x%2fy write'],
    ['within a route without rules passes', 'GET - /api/a%2fb//c', '/api /api/a%2fb//c by-method'],
    ['of a letter in a segment no rule names passes', 'GET - /api/%61', '/api /api/%61 by-method'],
    ['of a letter in a star passes', 'GET - /files/%61/meta', '/ /files/%61/meta read'],
    ['in the query is none', 'GET - /health?next=%2fadmin//x', '/ /health?next=%2fadmin//x open'],
    ['that only a second decoding gives passes', 'GET - /api/%252f', '/api /api/%252f by-method'],
  ])('%s', (_, request, expected) => {
    expect(found(routes, request)).toBe(expected);
  });

  it('that leads away from every route is refused, not taken for no route', () => {
    expect(found(routesOf({ '/api': [] }), 'GET - /api%2fx')).toBe('ambiguous');
    expect(found(routesOf({ '/api': [] }), 'GET - /other%2fx')).toBe('no_route');
  });
});

describe('1,000 unrelated routes', () => {
  const BASE = {
    'a.test/': ['/health open'],
    'a.test/v1/models strip': ['/x/** write'],
    '/v1': [],
    '/open open': [],
  };
  const unrelated = Object.fromEntries(
    Array.from({ length: 1000 }, (_, i): [string, string[]] => [
      i % 2 === 0 ? `host${i}.test/v1/models/deep/er/${i}` : `/unrelated${i}/a/b/c/d/e/f`,
      ['/** open'],
    ]),
  );
  const few = routesOf(BASE);
  const many = routesOf({ ...unrelated, ...BASE });
  const segment = fc.constantFrom(
    'v1',
    'models',
    'x',
    'health',
    'open',
    '',
    'a%2fb',
    '%78',
    'V1',
    'other',
    '*',
  );
  const requests = fc.record({
    method: fc.constantFrom('GET', 'POST'),
    host: fc.constantFrom('a.test', 'A.TEST:80', 'b.test', '-', '*'),
    segments: fc.array(segment, { maxLength: 5 }),
    query: fc.constantFrom('', '?q=1'),
  });

  it('change no match', () => {
    fc.assert(
      fc.property(requests, ({ method, host, segments, query }) => {
        const request = `${method} ${host} /${segments.join('/')}${query}`;
        expect(found(many, request)).toBe(found(few, request));
      }),
      { numRuns: 2000 },
    );
  });

  it('are all found themselves', () => {
    for (const id of Object.keys(unrelated)) {
      const at = id.indexOf('/');
      expect(found(many, `GET ${id.slice(0, at) || '-'} ${id.slice(at)}/x`)).toBe(
        `${id} ${id.slice(at)}/x open`,
      );
    }
  });
});
