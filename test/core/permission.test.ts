import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { permits, requiredAccess, type AccessFacts, type AccessMode } from '../../src/core/permission.ts';

const facts = (method: string, more: Partial<AccessFacts> = {}): AccessFacts => ({
  method,
  upgrade: false,
  mcpMethod: null,
  mcpProtocolVersion: null,
  ...more,
});
const mcp = (
  mcpMethod: string | null,
  mcpProtocolVersion: string | null = '2026-07-28',
): Partial<AccessFacts> => ({
  mcpMethod,
  mcpProtocolVersion,
});

test.each<[method: string, access: string]>([
  ['GET', 'read'],
  ['HEAD', 'read'],
  ['OPTIONS', 'read'],
  ['POST', 'write'],
  ['PUT', 'write'],
  ['PATCH', 'write'],
  ['DELETE', 'write'],
  ['TRACE', 'write'],
  ['QUERY', 'write'],
  ['PROPFIND', 'write'],
  ['get', 'write'],
  ['', 'write'],
])('by method, %s is a %s', (method, access) => {
  expect(requiredAccess('by-method', facts(method))).toBe(access);
});

describe('an upgrade', () => {
  test.each<[mode: AccessMode, access: string]>([
    ['by-method', 'write'],
    ['by-mcp-method', 'write'],
    ['write', 'write'],
    ['read', 'read'],
  ])('under %s is a %s', (mode, access) => {
    expect(requiredAccess(mode, facts('GET', { upgrade: true }))).toBe(access);
  });

  test('stays a write whatever MCP headers come with it', () => {
    expect(requiredAccess('by-mcp-method', facts('GET', { upgrade: true, ...mcp('tools/list') }))).toBe(
      'write',
    );
    expect(requiredAccess('by-mcp-method', facts('POST', { upgrade: true, ...mcp('tools/list') }))).toBe(
      'write',
    );
  });
});

describe('by MCP method', () => {
  test.each<[title: string, about: AccessFacts, access: string]>([
    ['a list is a read', facts('POST', mcp('tools/list')), 'read'],
    ['a call is a write', facts('POST', mcp('tools/call')), 'write'],
    ['an unknown method is a write', facts('POST', mcp('tools/List')), 'write'],
    ['a newer revision is believed too', facts('POST', mcp('tools/list', '2027-01-01')), 'read'],
    [
      'an older revision is not: nobody checks the header against the body',
      facts('POST', mcp('tools/list', '2025-11-25')),
      'write',
    ],
    ['no revision is not', facts('POST', mcp('tools/list', null)), 'write'],
    ['a garbled revision is not', facts('POST', mcp('tools/list', '9999')), 'write'],
    ['a draft is not', facts('POST', mcp('tools/list', '2026-07-28-draft')), 'write'],
    ['without the header the method decides', facts('POST', mcp(null)), 'write'],
    ['without the header the method decides', facts('GET', mcp(null)), 'read'],
    ['only a POST carries an MCP message: DELETE stays a write', facts('DELETE', mcp('tools/list')), 'write'],
    ['only a POST carries an MCP message: PUT stays a write', facts('PUT', mcp('ping')), 'write'],
    ['only a POST carries an MCP message: GET stays a read', facts('GET', mcp('tools/call')), 'read'],
  ])('%s', (_, about, access) => {
    expect(requiredAccess('by-mcp-method', about)).toBe(access);
  });

  test('the headers count for nothing under the other modes', () => {
    expect(requiredAccess('by-method', facts('POST', mcp('tools/list')))).toBe('write');
    expect(requiredAccess('write', facts('POST', mcp('tools/list')))).toBe('write');
    expect(requiredAccess('read', facts('DELETE', mcp('tools/call')))).toBe('read');
  });

  test('nothing but a POST with a listed method and a checked revision becomes less than by method', () => {
    const any = fc.record({
      method: fc.constantFrom('GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'DELETE', 'PATCH', 'QUERY'),
      upgrade: fc.boolean(),
      mcpMethod: fc.option(fc.oneof(fc.constantFrom('tools/list', 'ping', 'tools/call'), fc.string()), {
        nil: null,
      }),
      mcpProtocolVersion: fc.option(fc.oneof(fc.constantFrom('2026-07-28', '2025-11-25'), fc.string()), {
        nil: null,
      }),
    });
    fc.assert(
      fc.property(any, (about) => {
        if (
          requiredAccess('by-mcp-method', about) === 'write' ||
          requiredAccess('by-method', about) === 'read'
        )
          return;
        expect(about.method).toBe('POST');
        expect(about.upgrade).toBe(false);
        expect(about.mcpProtocolVersion?.localeCompare('2026-07-28')).toBeGreaterThanOrEqual(0);
      }),
      { numRuns: 1000 },
    );
  });
});

test.each([
  ['read_only', 'read', true],
  ['read_only', 'write', false],
  ['read_write', 'read', true],
  ['read_write', 'write', true],
] as const)('%s and %s: %s', (permission, access, permitted) => {
  expect(permits(permission, access)).toBe(permitted);
});
