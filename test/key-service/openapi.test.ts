import * as fc from 'fast-check';
import { Validator } from '@seriousme/openapi-schema-validator';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { recordFromJson, renewalToJson, reportToJson } from '../../src/core/wire-json.ts';
import { openApiDocument, OPERATIONS } from '../../src/key-service/openapi/document.ts';
import { GRANT, RECORD } from '../core/wire-sample.ts';
import { gaugesSample } from '../support/gauges-sample.ts';
import { DOCUMENT, disagreements, operationOf, type OperationJson } from './documented.ts';
import { startServer, type RunningServer } from './running-server.ts';

const operations: [name: string, operation: OperationJson][] = Object.entries(DOCUMENT.paths).flatMap(
  ([path, methods]) =>
    Object.entries(methods).map(([method, operation]): [string, OperationJson] => [
      `${method} ${path}`,
      operation,
    ]),
);

describe('the document', () => {
  let server: RunningServer;
  beforeEach(async () => {
    server = await startServer();
  });
  afterEach(() => server.close());

  test('is one of OpenAPI 3.1', async () => {
    const validator = new Validator();
    const result = await validator.validate({ ...DOCUMENT });
    expect(result.errors ?? []).toEqual([]);
    expect(result.valid).toBe(true);
    expect(validator.version).toBe('3.1');
  });

  test('is served to anyone', async () => {
    const served = await server.call('GET', '/openapi.json', { token: null });
    expect([served.status, served.body]).toEqual([200, DOCUMENT]);
  });

  test('describes each call once, and nothing else', () => {
    expect(operations).toHaveLength(Object.keys(OPERATIONS).length);
    const ids = operations.map(([, { operationId }]) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    const unknown = { method: 'GET', path: '/x', door: 'admin' } as const;
    const answer = async () => ({ status: 200, body: {} });
    expect(() => openApiDocument([{ ...unknown, answer }])).toThrow('GET /x is not described');
  });

  test('says which token opens a call, as the server does', async () => {
    for (const [name, operation] of operations) {
      const [method = '', path = ''] = name.split(' ');
      const reply = await server.call(method.toUpperCase(), path.replace('{id}', 'x'), { token: null });
      expect([name, reply.status === 401]).toEqual([name, '401' in operation.responses]);
    }
  });

  test('leads nowhere that is not there', () => {
    for (const [, name] of JSON.stringify(DOCUMENT).matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
      expect(Object.keys(DOCUMENT.components.schemas)).toContain(name);
    }
  });

  test.for(operations)('has examples of %s that agree with it', ([, { requestBody, responses }]) => {
    for (const content of [requestBody, ...Object.values(responses)].map((one) => one?.content ?? {})) {
      for (const { schema, example } of Object.values(content)) {
        if (example !== undefined) expect(disagreements(schema, example)).toEqual([]);
      }
    }
  });
});

describe('what a gate', () => {
  const bodyOf = (operation: OperationJson | null) =>
    operation?.requestBody?.content['application/json']?.schema ?? {};

  test('sends when it renews is what the document says', () => {
    const schema = bodyOf(operationOf('POST', '/v1/members/gate-1/renew'));
    fc.assert(
      fc.property(
        fc.record({
          epoch: fc.option(fc.string({ maxLength: 128 }), { nil: null }),
          applied: fc.maxSafeNat(),
          staleIfErrorMs: fc.nat(86_400_000),
          leaving: fc.boolean(),
        }),
        (renewal) => {
          expect(disagreements(schema, renewalToJson(renewal))).toEqual([]);
        },
      ),
    );
    expect(disagreements(schema, { epoch: null, applied: -1, stale_if_error: 0 })).toHaveLength(1);
  });

  test('reports is what the document says', () => {
    const schema = bodyOf(operationOf('POST', '/v1/reports'));
    const at = Date.UTC(2030, 0, 1);
    const report = reportToJson({
      member: 'gate-1',
      sequence: 1,
      usage: [{ keyId: 'k', route: '/', statusClass: '2xx', hourAt: at, count: 1, lastAt: at }],
      refusals: [
        {
          at,
          requestId: 'r',
          reason: 'unknown_key',
          keyId: null,
          ownerId: null,
          address: '192.0.2.1',
          userAgent: null,
          method: 'GET',
          path: '/',
          route: null,
        },
      ],
      suppressed: [{ reason: 'unknown_key', route: null, address: '*', count: 2, firstAt: at, lastAt: at }],
      gauges: gaugesSample(),
    }) as { gauges: object };
    expect(disagreements(schema, report)).toEqual([]);
    const { gauges: _, ...older } = report;
    expect(disagreements(schema, older)).toEqual([]);
    expect(disagreements(schema, { ...report, gauges: { ...report.gauges, in_flight: -1 } })).toHaveLength(1);
    expect(disagreements(schema, { ...report, sequence: 0 })).toHaveLength(1);
  });

  test('reads is what the document says: with a field less neither takes it', () => {
    const { Record, Grant } = DOCUMENT.components.schemas as { Record: object; Grant: object };
    expect(disagreements(Record, RECORD)).toEqual([]);
    expect(disagreements(Grant, GRANT)).toEqual([]);
    for (const name of Object.keys(RECORD)) {
      const less = Object.fromEntries(Object.entries(RECORD).filter(([field]) => field !== name));
      expect(disagreements(Record, less)).toHaveLength(1);
      expect(() => recordFromJson(less)).toThrow(`record.${name} is missing`);
    }
  });
});
