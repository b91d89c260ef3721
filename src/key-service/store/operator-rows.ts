import type { SealedText, StoredLink, StoredOperator, StoredSession } from './operators.ts';
import type { OperatorLinksTable, OperatorsTable, SessionsTable } from './schema.ts';

export function rowFromOperator(operator: StoredOperator): OperatorsTable {
  const { id, email, role, password, totp, totpCounter, enabled, createdAt, lastSignInAt } = operator;
  return {
    id,
    email,
    role,
    password,
    totp: totp?.text ?? null,
    totp_pepper_id: totp?.pepperId ?? null,
    totp_counter: totpCounter,
    enabled: enabled ? 1 : 0,
    created_at: createdAt,
    last_sign_in_at: lastSignInAt,
  };
}

export function operatorFromRow(row: OperatorsTable): StoredOperator {
  return {
    id: row.id,
    email: row.email,
    role: row.role,
    password: row.password,
    totp: sealed(row.totp_pepper_id, row.totp),
    totpCounter: row.totp_counter,
    enabled: row.enabled === 1,
    createdAt: row.created_at,
    lastSignInAt: row.last_sign_in_at,
  };
}

function sealed(pepperId: string | null, text: string | null): SealedText | null {
  return pepperId === null || text === null ? null : { pepperId, text };
}

export function rowFromLink({ tokenHash, operatorId, totp, endsAt }: StoredLink): OperatorLinksTable {
  return {
    token_hash: tokenHash,
    operator_id: operatorId,
    totp: totp.text,
    totp_pepper_id: totp.pepperId,
    ends_at: endsAt,
  };
}

export function linkFromRow(row: OperatorLinksTable): StoredLink {
  return {
    tokenHash: row.token_hash,
    operatorId: row.operator_id,
    totp: { pepperId: row.totp_pepper_id, text: row.totp },
    endsAt: row.ends_at,
  };
}

export function rowFromSession(session: StoredSession): SessionsTable {
  return {
    token_hash: session.tokenHash,
    operator_id: session.operatorId,
    created_at: session.createdAt,
    seen_at: session.seenAt,
    confirmed_at: session.confirmedAt,
  };
}

export function sessionFromRow(row: SessionsTable): StoredSession {
  return {
    tokenHash: row.token_hash,
    operatorId: row.operator_id,
    createdAt: row.created_at,
    seenAt: row.seen_at,
    confirmedAt: row.confirmed_at,
  };
}
