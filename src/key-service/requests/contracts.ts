import { z } from 'zod';
import { reader } from './reader.ts';

const text = z.string();
const digits = z.string().regex(/^\d{1,9}$/);
const mcps = z.union([text, z.array(text)]);

// The endpoints of Plexe and PlexMCP ignore what they do not know, as the APIs they stand for do.
const plexeKeyBody = z.object({
  name: text,
  permission_level: text,
  expiration_days: z.number().nullish(),
});
const plexePatchBody = z.object({
  name: text.optional(),
  permission_level: z.unknown().optional(),
  expiration_days: z.number().nullish(),
});
const plexeListQuery = z.object({
  limit: digits.optional(),
  offset: digits.optional(),
  status: text.optional(),
});
const plexmcpKeyBody = z.object({
  name: text,
  description: text.nullish(),
  expires_at: text.nullish(),
  permissions: z.object({ mcps: mcps.optional() }).nullish(),
});
const plexmcpPatchBody = z.object({
  name: text.optional(),
  description: text.nullish(),
  expires_at: z.unknown().optional(),
  permissions: z.unknown().optional(),
});
const plexmcpListQuery = z.object({
  page: digits.optional(),
  per_page: digits.optional(),
  status: text.optional(),
});
const plexmcpUsageQuery = z.object({
  period: text.optional(),
  start_date: text.optional(),
  end_date: text.optional(),
});
const plexmcpHistoryQuery = plexmcpListQuery.omit({ status: true }).extend({
  granularity: text.optional(),
  start_date: text.optional(),
  end_date: text.optional(),
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
