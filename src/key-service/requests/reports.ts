import { z } from 'zod';
import type { Report } from '../../core/wire.ts';
import { parseInstant } from '../../core/instant.ts';
import { gaugesBody, gaugesOf } from './gauges.ts';
import { reader, type RequestReader } from './reader.ts';

const text = z.string();
const short = text.max(256);
const orNull = short.nullable();
/** Host and path of a route. */
const route = text.max(1024);
const instant = short.transform((value, context) => {
  const at = parseInstant(value);
  if (at === null) context.addIssue('no instant');
  return at ?? 0;
});
const positive = z.int().positive();
// What a later gate says beside these fields is ignored: a report that is refused would never be counted.
export const reportBody = z.object({
  member: text.min(1).max(128).meta({ description: 'The gate process, by the name it renews under.' }),
  sequence: positive.meta({
    description: '1, 2, 3 ... of this member. A number that was taken counts nothing.',
  }),
  usage: z
    .array(
      z.object({
        key_id: short,
        route,
        status_class: z.enum(['1xx', '2xx', '3xx', '4xx', '5xx']),
        hour_at: instant
          .refine((at) => at % 3_600_000 === 0)
          .meta({ description: "The UTC hour's start.", format: 'date-time' }),
        count: positive,
        last_at: instant.meta({ description: 'The latest of them.', format: 'date-time' }),
      }),
    )
    .meta({
      description: 'Requests of one key on one route that an upstream answered, by class of status and hour.',
    }),
  refusals: z
    .array(
      z.object({
        at: instant.meta({ format: 'date-time' }),
        request_id: short,
        reason: short,
        key_id: orNull,
        owner_id: orNull,
        address: short,
        user_agent: text.nullable(),
        method: text,
        path: text,
        route: route.nullable(),
      }),
    )
    .meta({ description: 'Refused authentications.' }),
  suppressed: z
    .array(
      z.object({
        reason: short,
        route: route.nullable(),
        address: short,
        count: positive,
        first_at: instant.meta({ format: 'date-time' }),
        last_at: instant.meta({ format: 'date-time' }),
      }),
    )
    .meta({ description: 'Refused authentications beyond the rate at which rows are sent, as counts.' }),
  // Those of a version that says it otherwise are left out: counts are not refused for their sake.
  gauges: gaugesBody.optional().catch(undefined).meta({
    description: 'How the gate stands, about every 2 s; the newest take the place of those before.',
  }),
});

/** The JSON of a report: the same fields in snake_case, instants by RFC 3339. */
export const readReportBody: RequestReader<Report> = reader(reportBody, (body) => ({
  member: body.member,
  sequence: body.sequence,
  usage: body.usage.map((delta) => ({
    keyId: delta.key_id,
    route: delta.route,
    statusClass: delta.status_class,
    hourAt: delta.hour_at,
    count: delta.count,
    lastAt: delta.last_at,
  })),
  refusals: body.refusals.map(({ request_id, key_id, owner_id, user_agent, ...rest }) => ({
    ...rest,
    requestId: request_id,
    keyId: key_id,
    ownerId: owner_id,
    userAgent: user_agent,
  })),
  suppressed: body.suppressed.map(({ first_at, last_at, ...rest }) => ({
    ...rest,
    firstAt: first_at,
    lastAt: last_at,
  })),
  ...(body.gauges === undefined ? {} : { gauges: gaugesOf(body.gauges) }),
}));
