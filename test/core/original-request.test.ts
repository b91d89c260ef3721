import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ORIGINAL_FAMILIES, readOriginal, type OriginalFamily } from '../../src/core/original-request.ts';
import { readHead } from '../../src/core/request-head.ts';

const read = (family: OriginalFamily, raw: readonly string[], method = 'GET', url = '/authorize') =>
  readOriginal(family, { method, url, head: readHead(raw) });

const WHOLE: Record<OriginalFamily, readonly string[]> = {
  'x-original': [
    ['X-Original-Method', 'POST'],
    ['X-Original-URI', '/a?b'],
    ['X-Original-Host', 'a.test'],
    ['X-Original-Address', '192.0.2.1'],
  ].flat(),
  'x-forwarded': [
    ['X-Forwarded-Method', 'POST'],
    ['X-Forwarded-Uri', '/a?b'],
    ['X-Forwarded-Host', 'a.test'],
    ['X-Forwarded-For', '192.0.2.1'],
  ].flat(),
  envoy: ['Host', 'a.test', 'X-Forwarded-For', '192.0.2.1'],
};

describe('the original request', () => {
  it.each(ORIGINAL_FAMILIES)('is what the family %s tells', (family) => {
    const found = read(family, WHOLE[family], 'POST', '/authorize/a?b');
    expect(found).toMatchObject({ method: 'POST', url: '/a?b', upgrade: null, head: { host: ['a.test'] } });
    expect(found).toMatchObject({ address: family === 'x-original' ? '192.0.2.1' : null });
  });

  it('has nothing of the framing of the question', () => {
    const raw = [
      ...WHOLE['x-original'],
      'Content-Length',
      '5',
      'Connection',
      'x-key-id',
      'Host',
      'asked.test',
    ];
    expect(read('x-original', raw)).toMatchObject({
      head: { host: ['a.test'], contentLength: [], connection: [], transferEncoding: [] },
    });
  });

  it.each(['x-original', 'x-forwarded'] as const)('is never told by another family than %s', (family) => {
    const others = ORIGINAL_FAMILIES.filter((other) => other !== family).flatMap((other) => WHOLE[other]);
    expect(read(family, others)).toHaveProperty('problem');
    // Whatever the others say beside it.
    expect(read(family, [...others, ...WHOLE[family]])).toMatchObject({ method: 'POST', url: '/a?b' });
  });

  it('is never guessed: a line less, or one twice, is a problem', () => {
    for (const family of ['x-original', 'x-forwarded'] as const) {
      const whole = WHOLE[family];
      for (let i = 0; i < whole.length; i += 2) {
        expect(read(family, whole.toSpliced(i, 2))).toHaveProperty('problem');
        if (whole[i] === 'X-Forwarded-For') continue;
        expect(read(family, [...whole, ...whole.slice(i, i + 2)])).toHaveProperty('problem');
        expect(read(family, [...whole, (whole[i] ?? '').toUpperCase(), ''])).toHaveProperty('problem');
      }
    }
  });

  it.each([
    [[], null],
    [['Upgrade', ''], null],
    [['Upgrade', 'WebSocket'], 'websocket'],
    [['X-Original-Upgrade', 'websocket'], 'websocket'],
    [['Sec-WebSocket-Key', 'x'], 'websocket'],
    [['Sec-WebSocket-Key', 'x', 'Upgrade', 'h2c'], 'h2c'],
    [['Upgrade', 'h2c', 'X-Original-Upgrade', 'websocket'], 'h2c'],
    [['Upgrade', 'websocket', 'X-Original-Upgrade', 'h2c'], 'h2c'],
    [['X-Forwarded-Upgrade', 'h2c'], null],
  ] as const)('with %j asks to go on with %s', (more, upgrade) => {
    expect(read('x-original', [...WHOLE['x-original'], ...more])).toMatchObject({ upgrade });
  });

  it('is read of any header without an exception, and tells a problem without what a client sent', () => {
    const line = fc.tuple(
      fc.constantFrom(...ORIGINAL_FAMILIES.flatMap((family) => WHOLE[family])),
      fc.string(),
    );
    fc.assert(
      fc.property(
        fc.constantFrom(...ORIGINAL_FAMILIES),
        fc.array(line),
        fc.string(),
        (family, lines, url) => {
          const found = read(family, lines.flat(), 'GET', `/authorize${url}`);
          if ('problem' in found) expect(found.problem).toMatch(/^[\w ,-]+$/);
        },
      ),
    );
  });
});
