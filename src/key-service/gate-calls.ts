import { parseDigest } from '../core/secret.ts';
import { recordToJson } from '../core/wire.ts';
import { invalid, problem } from './answers.ts';
import { reading, type Call } from './call.ts';
import type { KeyService } from './keys.ts';
import type { KeyServiceLog } from './log.ts';
import { readResolveBody } from './requests/admin.ts';
import { readReportBody } from './requests/reports.ts';

const REPORT_BODY_BYTES = 4 * 1024 * 1024;

/** What gates ask, and what whoever runs the key service asks of it. */
export function gateCalls(service: KeyService, log: KeyServiceLog): readonly Call[] {
  return [
    {
      method: 'POST',
      path: '/v1/keys/resolve',
      door: 'service',
      answer: ({ body, signal }) =>
        reading(readResolveBody, body, async ({ digest: text }) => {
          const digest = parseDigest(text);
          if (digest === null)
            return invalid([{ field: 'digest', message: 'must be 64 lower-case hex digits' }]);
          const { record, asOf } = await service.resolve(digest, signal);
          return record === null
            ? { status: 404, body: { as_of: asOf } }
            : { status: 200, body: { record: recordToJson(record), as_of: asOf } };
        }),
    },
    {
      method: 'POST',
      path: '/v1/reports',
      door: 'service',
      bodyLimit: REPORT_BODY_BYTES,
      answer: ({ body }) =>
        reading(readReportBody, body, async (report) => {
          await service.report(report);
          return { status: 200, body: { member: report.member, sequence: report.sequence } };
        }),
    },
    {
      method: 'GET',
      path: '/livez',
      door: 'anyone',
      answer: async () => ({ status: 200, body: { status: 'ok' } }),
    },
    {
      method: 'GET',
      path: '/readyz',
      door: 'anyone',
      answer: async () => {
        try {
          await service.head();
          return { status: 200, body: { status: 'ok' } };
        } catch (error) {
          log.error(
            { detail: error instanceof Error ? error.message : 'unknown error' },
            'the store does not answer',
          );
          return problem(503, 'The store does not answer.', {}, { 'retry-after': '1' });
        }
      },
    },
  ];
}
