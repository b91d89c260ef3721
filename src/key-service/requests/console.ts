import { z } from 'zod';
import { ROLES } from '../console/wire.ts';
import { digits, keyName, limits, ownerId, permission, profile, text } from './fields.ts';
import { auditQuery, keyListQuery, pageQuery } from './admin.ts';
import { reader } from './reader.ts';

/* What the console's page sends. Whether values hold is judged where the same is judged for the admin API. */

/** Longer than any of them; what is longer is no mistake of typing. */
const short = z.string().max(1024);

export const readNothing = reader(z.strictObject({}), (body) => body);

export const readSignIn = reader(
  z.strictObject({ email: short, password: short, code: short }),
  (body) => body,
);

export const readConfirmation = reader(
  z.strictObject({ password: short.optional(), code: short.optional() }),
  ({ password, code }) =>
    (password === undefined) === (code === undefined)
      ? null
      : password === undefined
        ? { code: code ?? '' }
        : { password },
);

export const readLinkToken = reader(z.strictObject({ token: short }), (body) => body);

export const readEnrol = reader(
  z.strictObject({ token: short, email: short.optional(), password: short, code: short }),
  (body) => body,
);

export const readNewKey = reader(
  z.strictObject({
    owner: ownerId,
    name: keyName,
    profile,
    permission,
    tier: text.optional(),
    workspace: text.optional(),
    expires_at: text.nullish(),
    limits: limits.optional(),
  }),
  ({ expires_at, ...rest }) => ({ ...rest, expiresAt: expires_at }),
);

export const readKeyQuery = reader(
  keyListQuery.omit({ name: true }).extend({ search: text.optional() }),
  ({ limit, offset, ...rest }) => ({ ...rest, ...pageOf({ limit, offset }) }),
);

export const readOwnerQuery = reader(
  pageQuery.extend({ search: text.optional() }),
  ({ search, ...page }) => ({ search, ...pageOf(page) }),
);

export const readConsoleUsage = reader(
  z.strictObject({
    from: text.optional(),
    to: text.optional(),
    by: text.optional(),
  }),
  (query) => query,
);

export const readConsoleAudit = reader(auditQuery, ({ request_id, limit, ...rest }) => ({
  ...rest,
  requestId: request_id,
  limit: limit === undefined ? undefined : Number(limit),
}));

export const readTrafficQuery = reader(z.strictObject({ seconds: digits.optional() }), ({ seconds }) =>
  seconds === undefined ? undefined : Number(seconds),
);

export const newOperatorBody = z.strictObject({
  email: short.meta({ description: 'By which the operator signs in.', examples: ['ada@example.com'] }),
  role: text.meta({
    enum: [...ROLES],
    description: 'A viewer reads, an operator also acts on keys, an admin also on operators.',
  }),
});
export const readNewOperator = reader(newOperatorBody, (body) => body);

export const operatorPatchBody = z.strictObject({
  role: text.optional().meta({ enum: [...ROLES] }),
  enabled: z.boolean().optional().meta({ description: 'False: may not sign in.' }),
});
export const readOperatorPatch = reader(operatorPatchBody, (body) => body);

function pageOf({ limit, offset }: { limit?: string | undefined; offset?: string | undefined }) {
  return {
    limit: limit === undefined ? undefined : Number(limit),
    offset: offset === undefined ? undefined : Number(offset),
  };
}
