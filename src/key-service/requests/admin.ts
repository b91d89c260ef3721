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
import { AUDIT_ACTIONS, AUDIT_KINDS } from '../store/ledger.ts';
import { KEY_STATUSES } from '../store/store.ts';
import {
  instant,
  keyName,
  limits,
  mcps,
  ownerId,
  pageSize,
  pageStart,
  permission,
  profile,
  text,
} from './fields.ts';
import { reader, type RequestReader } from './reader.ts';

export const ownerBody = z.strictObject({
  profile,
  tier: text.meta({
    description: 'A tier of the profile; a name that a gate does not know is its first tier.',
  }),
  limits: limits.nullish().meta({ description: "In place of the tier's; null or left out: the tier's." }),
  enabled: z.boolean().optional().meta({ description: 'False: none of the keys works.', default: true }),
  workspace: text
    .nullish()
    .meta({ description: "The workspace the keys act in; of plextera the owner's id." }),
});

const keyFields = {
  owner: ownerId,
  name: keyName,
  profile,
  permission,
  expires_at: instant.nullish().meta({ description: 'When the key ends; null or left out: never.' }),
  limits: limits.optional(),
  mcps: mcps.optional(),
};
export const keyBody = z.strictObject(keyFields);
const importedKey = z.strictObject({
  ...keyFields,
  sha256: text.meta({ description: 'SHA-256 of the key, as 64 lower-case hex digits.' }),
  key_id: text.optional().meta({ description: 'Left out, the key service makes one.' }),
  status: text.optional().meta({ enum: ['active', 'revoked'], default: 'active' }),
});
export const importBody = z.strictObject({ keys: z.array(importedKey) });
export const patchBody = z.strictObject({
  name: keyName.optional(),
  expires_at: instant.nullish().meta({ description: 'Null takes the end away.' }),
  limits: limits.optional(),
  mcps: mcps.optional(),
});
export const rotationBody = z.strictObject({
  overlap: text.meta({
    description: 'How long the old key goes on, from 0s to 30d; of plextera keys it ends at once.',
    examples: ['1h'],
  }),
});
export const pageQuery = z.strictObject({ limit: pageSize.optional(), offset: pageStart.optional() });
export const keyListQuery = pageQuery.extend({
  owner: ownerId.optional(),
  profile: profile.optional(),
  status: text.optional().meta({ enum: [...KEY_STATUSES] }),
  workspace: text.optional(),
  name: text.optional().meta({ description: 'A part of the name; ASCII letters in any case.' }),
});

export const auditQuery = z.strictObject({
  owner: text.optional().meta({ description: 'The owner whose key acted or was acted on.' }),
  key: text.optional().meta({ description: 'The key that acted or was acted on.' }),
  reason: text.optional().meta({ description: 'Why a gate refused.' }),
  action: text.optional().meta({ enum: [...AUDIT_ACTIONS] }),
  kind: text.optional().meta({ enum: [...AUDIT_KINDS] }),
  request_id: text.optional(),
  operator: text.optional().meta({ description: 'The email of an operator who acted or was acted on.' }),
  address: text.optional().meta({ description: "The client's." }),
  from: instant.optional(),
  to: instant.optional(),
  limit: pageSize.optional(),
  cursor: text.optional().meta({ description: 'The `next_cursor` of the page before.' }),
});
export const usageQuery = z.strictObject({
  owner: text.optional().meta({ description: 'All keys of this owner. One of owner and key is required.' }),
  key: text.optional().meta({ description: 'This key.' }),
  from: instant.optional().meta({ description: 'Left out: 30 days before `to`.' }),
  to: instant.optional().meta({ description: 'Left out: now.' }),
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
