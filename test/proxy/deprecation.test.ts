import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { valuesOf } from '../support/http-message.ts';
import { exchange, type RawAnswer } from '../support/raw-client.ts';
import { startStage, type Stage } from '../support/stage.ts';
import { OK } from '../support/upstream.ts';

const CONFIG = `
keyService: {}
proxy:
  routes:
    - { match: { path: / }, profile: plexe, upstream: '{upstream}' }
    - { match: { path: /auth/api-keys }, profile: plexe, upstream: key-service }
    - { match: { path: /unlimited }, profile: standard, upstream: '{upstream}' }
`;

const REPLACED_AT = Date.UTC(2026, 6, 31, 23, 59, 59, 900);
const ENDS_AT = Date.UTC(2126, 7, 1, 1, 0, 0, 999);

let stage: Stage;

beforeEach(async () => {
  stage = await startStage({
    config: CONFIG,
    fixtures: '{RW} {RW2} {URW} {PRW} {S}',
    alterRecord: (record) => {
      if (['fixture RW2', 'fixture S'].includes(record.name)) return record;
      const expiresAt = record.name === 'fixture PRW' ? null : ENDS_AT;
      return { ...record, deprecatedAt: REPLACED_AT, expiresAt };
    },
  });
});
afterEach(() => stage.stop());

function send(target: string, ...lines: string[]): Promise<RawAnswer> {
  const all = ['Host: gate.test', ...lines, ...(lines.length > 1 ? [] : ['Connection: close'])];
  const text = `GET ${target} HTTP/1.1\r\n${all.join('\r\n')}\r\n\r\n`;
  return exchange(stage.gate.port, Buffer.from(stage.fixtures.fill(text), 'latin1'));
}

const SINCE = `@${Date.UTC(2026, 6, 31, 23, 59, 59) / 1000}`;
const UNTIL = 'Thu, 01 Aug 2126 01:00:00 GMT';

function told(answer: RawAnswer): string[][] {
  return [valuesOf(answer, 'deprecation'), valuesOf(answer, 'sunset')];
}

describe('a caller of a key that a rotation has replaced', () => {
  it.each(['/models', '/auth/api-keys', '/unlimited'])(
    'reads since when and until when it works on %s',
    async (path) => {
      expect(told(await send(path, 'x-api-key: {RW}'))).toEqual([[SINCE], [UNTIL]]);
    },
  );

  it("reads the gate's word in place of the upstream's, with limits and without", async () => {
    stage.upstream.answerWith({
      ...OK,
      headers: [
        ['deprecation', '@1'],
        ['Sunset', 'never'],
        ['Link', '</v2>'],
      ],
    });
    for (const key of ['{RW}', '{URW}']) {
      const answer = await send('/models', `x-api-key: ${key}`);
      expect(told(answer)).toEqual([[SINCE], [UNTIL]]);
      expect(valuesOf(answer, 'link')).toEqual(['</v2>']);
    }
  });

  it('reads no end where there is none', async () => {
    expect(told(await send('/models', 'x-api-key: {PRW}'))).toEqual([[SINCE], []]);
  });

  it('reads it on a WebSocket too', async () => {
    const head: readonly [string, string][] = [
      ['Connection', 'Upgrade'],
      ['Upgrade', 'websocket'],
    ];
    stage.upstream.answerWith({ ...OK, status: 101, headers: head, body: '' });
    const lines = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'];
    const answer = await send(
      '/live',
      'x-api-key: {RW}',
      ...lines,
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    );
    expect([answer.status, ...told(answer)]).toEqual([101, [SINCE], [UNTIL]]);
  });

  it('is counted by route', async () => {
    const series = async () =>
      (await stage.gate.metrics())
        .split('\n')
        .filter((line) => line.startsWith('plexgate_deprecated_key_requests_total{route="/'));
    expect(await series()).toEqual([
      'plexgate_deprecated_key_requests_total{route="/"} 0',
      'plexgate_deprecated_key_requests_total{route="/auth/api-keys"} 0',
      'plexgate_deprecated_key_requests_total{route="/unlimited"} 0',
    ]);
    for (const path of ['/models', '/models', '/auth/api-keys']) await send(path, 'x-api-key: {RW}');
    await send('/models', 'x-api-key: {RW2}');
    expect(await series()).toEqual([
      'plexgate_deprecated_key_requests_total{route="/"} 2',
      'plexgate_deprecated_key_requests_total{route="/auth/api-keys"} 1',
      'plexgate_deprecated_key_requests_total{route="/unlimited"} 0',
    ]);
  });
});

it("callers of other keys read the upstream's own words on deprecation, and none of the gate's", async () => {
  expect(told(await send('/models', 'x-api-key: {RW2}'))).toEqual([[], []]);
  stage.upstream.answerWith({
    ...OK,
    headers: [
      ['Deprecation', '@1'],
      ['Sunset', 'Thu, 01 Jan 2099 00:00:00 GMT'],
    ],
  });
  for (const key of ['{RW2}', '{S}']) {
    expect(told(await send('/unlimited', `x-api-key: ${key}`))).toEqual([
      ['@1'],
      ['Thu, 01 Jan 2099 00:00:00 GMT'],
    ]);
  }
});
