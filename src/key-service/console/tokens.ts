import { hash, randomBytes } from 'node:crypto';

/** 256 bits that nobody guesses. */
export function newToken(): string {
  return randomBytes(32).toString('base64url');
}

/** What the store has of a token: it cannot be used, and needs no salt, for no two are alike. */
export function hashOf(token: string): string {
  return hash('sha256', `plexgate console ${token}`, 'hex');
}

/** What a page proves with that it has spoken to us in this session. It tells nothing of the session's own token. */
export function csrfOf(token: string): string {
  return hash('sha256', `plexgate console csrf ${token}`, 'base64url');
}
