import * as z from 'zod';
import { duration, filePath, wholeNumber } from './fields.ts';

/*
 * What holds at the gate's doors: certificates of both sides, how much is let in at once, and what is counted there.
 */
export const tlsSchema = z.strictObject({
  cert: filePath.describe("PEM file of the gate's certificate, with those that lead to its authority."),
  key: filePath.describe('PEM file of the private key of `cert`.'),
});

export const upstreamTlsSchema = z.strictObject({
  ca: filePath.describe(
    'PEM file of the authorities that may vouch for upstreams of https, in place of the public ones; read anew when it changes.',
  ),
});

const count = (from: number, to: number) => wholeNumber({ title: 'number', from, to });

export const boundsSchema = z.strictObject({
  headerBytes: count(4096, 131_072)
    .prefault(16_384)
    .describe(
      'Largest header of a request, names and values together; a larger one, or one of more than 1,000 lines, is 431.',
    ),
  inFlight: count(1, 1_000_000)
    .prefault(10_000)
    .describe('Requests under way at once; beyond them requests are 503 with Retry-After.'),
  connectionsPerAddress: count(1, 1_000_000)
    .prefault(20_000)
    .describe(
      'Open connections of one client address, or of one /64 of IPv6, beyond which more are closed at once; trusted proxies may have any number.',
    ),
  loopDelay: duration({ minMs: 50, maxMs: 60_000 })
    .prefault('1s')
    .describe(
      'How late the process may be with its work; while it is later, requests are 503 with Retry-After instead of late.',
    ),
});

export const metricsSchema = z.strictObject({
  perKey: count(0, 1000)
    .prefault(0)
    .describe(
      'For so many keys, the busiest of late, requests are counted by key id, those of all others together; 0: nothing is counted by key.',
    ),
});
