import { expect, test } from 'vitest';
import {
  ACCEPTED_SCHEMES,
  AUTHORIZATION_SCHEMES,
  MCP_ENDPOINT_SCHEMES,
  SCHEMES,
} from '../../src/core/profile.ts';

test.each([
  ['plexe', ['bearer', 'x-api-key']],
  ['plextera', ['api-key']],
  ['plexmcp', ['apikey']],
  ['standard', ['bearer', 'x-api-key', 'api-key', 'apikey']],
] as const)('%s accepts what its documents name', (profile, schemes) => {
  expect(ACCEPTED_SCHEMES[profile]).toEqual(schemes);
});

test("PlexMCP's MCP endpoint also takes what its clients really send", () => {
  expect(MCP_ENDPOINT_SCHEMES.toSorted()).toEqual(['apikey', 'bearer', 'x-api-key']);
});

test('every scheme but x-api-key has the spelling of its documents', () => {
  expect(AUTHORIZATION_SCHEMES).toEqual({ bearer: 'Bearer', 'api-key': 'api-key', apikey: 'ApiKey' });
  expect(Object.keys(AUTHORIZATION_SCHEMES).concat('x-api-key').toSorted()).toEqual([...SCHEMES].toSorted());
});
