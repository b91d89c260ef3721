import { z } from 'zod';
import type {
  ImportDraft,
  KeyDraft,
  KeyListQuery,
  KeyPatch,
  OwnerDraft,
  PageQuery,
  RotationDraft,
} from '../drafts.ts';
import type { AuditQuery, UsageQuery } from '../history-queries.ts';
import { reader, type RequestReader } from './reader.ts';

const text = z.string();
const texts = z.array(text);
const mcps = z.union([text, texts]);
const digits = z.string().regex(/^\d{1,9}$/);

const ownerBody = z.strictObject({
  profile: text,
  tier: text,
  limits: texts.nullish(),
  enabled: z.boolean().optional(),
  workspace: text.nullish(),
});

const keyFields = {
  owner: text,
  name: text,
  profile: text,
  permission: text,
  expires_at: text.nullish(),
  limits: texts.optional(),
  mcps: mcps.optional(),
};
const keyBody = z.strictObject(keyFields);
const importedKey = z.strictObject({
  ...keyFields,
  sha256: text,
  key_id: text.optional(),
  status: text.optional(),
});
const importBody = z.strictObject({ keys: z.array(importedKey) });
const patchBody = z.strictObject({
  name: text.optional(),
  expires_at: text.nullish(),
  limits: texts.optional(),
  mcps: mcps.optional(),
});
const rotationBody = z.strictObject({ overlap: text });
const pageQuery = z.strictObject({ limit: digits.optional(), offset: digits.optional() });
const keyListQuery = pageQuery.extend({
  owner: text.optional(),
  profile: text.optional(),
  status: text.optional(),
  workspace: text.optional(),
  name: text.optional(),
});

const auditQuery = z.strictObject({
  owner: text.optional(),
  key: text.optional(),
  reason: text.optional(),
  action: text.optional(),
  kind: text.optional(),
  request_id: text.optional(),
  address: text.optional(),
  from: text.optional(),
  to: text.optional(),
  limit: digits.optional(),
  cursor: text.optional(),
});
const usageQuery = z.strictObject({
  owner: text.optional(),
  key: text.optional(),
  from: text.optional(),
  to: text.optional(),
});

export const readOwnerBody: RequestReader<OwnerDraft> = reader(ownerBody, (body) => body);
export const readKeyBody: RequestReader<KeyDraft> = reader(keyBody, keyDraft);
export const readPatchBody: RequestReader<KeyPatch> = reader(
  patchBody,
  ({ expires_at, ...rest }) => ({ ...rest, expiresAt: expires_at }),
  { fixed: ['owner', 'profile', 'permission'] },
);
export const readRotationBody: RequestReader<RotationDraft> = reader(rotationBody, (body) => body);
export const readImportBody: RequestReader<readonly ImportDraft[]> = reader(
  importBody,
  ({ keys }) =>
    keys.map(({ key_id, status, sha256, ...rest }) => ({ ...keyDraft(rest), keyId: key_id, status, sha256 })),
  { nested: importedKey },
);
export const readPageQuery: RequestReader<PageQuery> = reader(pageQuery, pageNumbers);
export const readKeyListQuery: RequestReader<KeyListQuery> = reader(
  keyListQuery,
  ({ limit, offset, ...rest }) => ({
    ...rest,
    ...pageNumbers({ limit, offset }),
  }),
);

export const readAuditQuery: RequestReader<AuditQuery> = reader(
  auditQuery,
  ({ request_id, limit, ...rest }) => ({
    ...rest,
    requestId: request_id,
    limit: limit === undefined ? undefined : Number(limit),
  }),
);
export const readUsageQuery: RequestReader<UsageQuery> = reader(usageQuery, (query) => query);

function keyDraft({ expires_at, ...rest }: z.infer<typeof keyBody>): KeyDraft {
  return { ...rest, expiresAt: expires_at };
}

function pageNumbers({ limit, offset }: z.infer<typeof pageQuery>): PageQuery {
  return {
    limit: limit === undefined ? undefined : Number(limit),
    offset: offset === undefined ? undefined : Number(offset),
  };
}
