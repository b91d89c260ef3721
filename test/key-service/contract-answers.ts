import { expect } from 'vitest';
import type { Reply } from './running-server.ts';

/** Status and code of an answer that must be in Plexe's shape. */
export function plexeRefusalOf({ status, headers, body }: Reply): [number, string] {
  const error = { code: expect.any(String), message: expect.any(String), status };
  expect(body).toEqual({ error });
  expect(headers.get('content-type')).toBe('application/json; charset=utf-8');
  return [status, body.error.code];
}

/** Status, code and details of an answer that must be in PlexMCP's envelope. */
export function plexmcpRefusalOf({ status, headers, body }: Reply): [number, string, Record<string, string>] {
  const error = { code: expect.any(String), message: expect.any(String), details: expect.any(Object) };
  expect(body).toEqual({ success: false, error });
  expect(headers.get('content-type')).toBe('application/json; charset=utf-8');
  return [status, body.error.code, body.error.details];
}
