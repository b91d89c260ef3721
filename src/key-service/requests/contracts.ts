import { z } from 'zod';
import { KEY_STATUSES } from '../store/store.ts';
import { PERIODS } from '../usage-ranges.ts';
import { digits, keyName, mcps, pageSize, pageStart, permission, text } from './fields.ts';
import { reader } from './reader.ts';

// The endpoints of Plexe and PlexMCP ignore what they do not know, as the APIs they stand for do.
const days = z.number().nullish().meta({ description: 'Days from now, 1 to 3650; null: never.' });
const status = text.optional().meta({ enum: [...KEY_STATUSES] });
const page = digits.optional().meta({ description: 'From 1.', examples: ['1'] });
const date = text.meta({ description: 'A day like 2030-01-31, all of it, or an RFC 3339 instant.' });
const description = text.nullish().meta({ maxLength: 1000 });

export const plexeKeyBody = z.object({ name: keyName, permission_level: permission, expiration_days: days });
export const plexePatchBody = z.object({
  name: keyName.optional(),
  permission_level: z.unknown().optional().meta({ description: 'Fixed: a body that has it is 422.' }),
  expiration_days: days,
});
export const plexeListQuery = z.object({
  limit: pageSize.optional(),
  offset: pageStart.optional(),
  status,
});
export const plexmcpKeyBody = z.object({
  name: keyName,
  description,
  expires_at: text
    .nullish()
    .meta({ description: 'An RFC 3339 instant, or a day, which lasts until its end.' }),
  permissions: z.object({ mcps: mcps.optional() }).nullish(),
});
export const plexmcpPatchBody = z.object({
  name: keyName.optional(),
  description,
  expires_at: z.unknown().optional().meta({ description: 'Fixed: a body that has it is 422.' }),
  permissions: z.unknown().optional().meta({ description: 'Fixed: a body that has it is 422.' }),
});
export const plexmcpListQuery = z.object({ page, per_page: pageSize.optional(), status });
export const plexmcpUsageQuery = z.object({
  period: text.optional().meta({ enum: [...PERIODS], default: 'month' }),
  start_date: date.optional(),
  end_date: date.optional(),
});
export const plexmcpHistoryQuery = plexmcpListQuery.omit({ status: true }).extend({
  granularity: text.optional().meta({ enum: ['day', 'hour'], default: 'day' }),
  start_date: date.optional(),
  end_date: date.optional(),
});

export const readPlexeKeyBody = reader(plexeKeyBody, (body) => body);
export const readPlexePatchBody = reader(plexePatchBody, (body) => body);
export const readPlexeListQuery = reader(plexeListQuery, ({ status, limit, offset }) => ({
  status,
  limit: numberOf(limit),
  offset: numberOf(offset),
}));
export const readPlexmcpKeyBody = reader(plexmcpKeyBody, (body) => body);
export const readPlexmcpPatchBody = reader(plexmcpPatchBody, (body) => body);
export const readPlexmcpListQuery = reader(plexmcpListQuery, ({ status, page, per_page }) => ({
  status,
  page: numberOf(page),
  perPage: numberOf(per_page),
}));
export const readPlexmcpUsageQuery = reader(plexmcpUsageQuery, (query) => query);
export const readPlexmcpHistoryQuery = reader(plexmcpHistoryQuery, ({ page, per_page, ...rest }) => ({
  ...rest,
  page: numberOf(page),
  perPage: numberOf(per_page),
}));

function numberOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}
