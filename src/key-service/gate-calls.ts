import { parseDigest } from '../core/secret.ts';
import { grantToJson, resolutionToJson } from '../core/wire-json.ts';
import { invalid, problem } from './answers.ts';
import { reading, type Call } from './call.ts';
import type { KeyService } from './keys.ts';
import type { KeyServiceLog } from './log.ts';
import { readRenewBody, readResolveBody } from './requests/gates.ts';
import { readReportBody } from './requests/reports.ts';

const REPORT_BODY_BYTES = 8 * 1024 * 1024;
const MEMBER_ID = /^[A-Za-z0-9._-]{1,64}$/;

/** What gates ask, and what whoever runs the key service asks of it. */
export function gateCalls(service: KeyService, log: KeyServiceLog): readonly Call[] {
  return [resolveCall(service), renewCall(service), reportCall(service), ...healthCalls(service, log)];
}

function resolveCall(service: KeyService): Call {
  return {
    method: 'POST',
    path: '/v1/keys/resolve',
    door: 'service',
    answer: ({ body, signal }) =>
      reading(readResolveBody, body, async ({ digest: text }) => {
        const digest = parseDigest(text);
        if (digest === null)
          return invalid([{ field: 'digest', message: 'must be 64 lower-case hex digits' }]);
        const resolution = await service.resolve(digest, signal);
        return { status: resolution.record === null ? 404 : 200, body: resolutionToJson(resolution) };
      }),
  };
}

function renewCall(service: KeyService): Call {
  return {
    method: 'POST',
    path: '/v1/members/:id/renew',
    door: 'service',
    answer: ({ id, body, signal }) =>
      reading(readRenewBody, body, async (renewal) => {
        if (!MEMBER_ID.test(id))
          return invalid([{ field: 'id', message: 'must be 1 to 64 of the characters A-Z a-z 0-9 . _ -' }]);
        const grant = await service.renew(id, renewal, signal);
        return { status: 200, body: grantToJson(grant) };
      }),
  };
}

function reportCall(service: KeyService): Call {
  return {
    method: 'POST',
    path: '/v1/reports',
    door: 'service',
    bodyLimit: REPORT_BODY_BYTES,
    answer: ({ body }) =>
      reading(readReportBody, body, async (report) => {
        await service.report(report);
        return { status: 200, body: { member: report.member, sequence: report.sequence } };
      }),
  };
}

function healthCalls(service: KeyService, log: KeyServiceLog): readonly Call[] {
  return [
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
