import { AUTHORIZATION_SCHEMES, type AuthorizationScheme, type Scheme } from './profile.ts';
import { Secret } from './secret.ts';
import type { RequestHead } from './request-head.ts';

export interface Credential {
  readonly kind: 'credential';
  readonly scheme: Scheme;
  readonly secret: Secret;
}

/** `sent` says whether the client tried at all; challenges differ by it (RFC 6750 section 3.1). */
export interface CredentialProblem {
  readonly kind: 'problem';
  readonly reason: 'missing_credential' | 'wrong_scheme' | 'malformed_credential' | 'conflicting_credentials';
  readonly sent: boolean;
}

export interface AcceptedSchemes {
  readonly schemes: ReadonlySet<Scheme>;
  /** `strict` compares Authorization schemes letter for letter; RFC 9110 section 11.1 says they ignore case. */
  readonly schemeCase: 'any' | 'strict';
}

/** Visible ASCII without `"`, `,` and `;`: 8 to 512 characters. */
const KEY = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x7e]{8,512}$/;
const SCHEME_TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+/;

/**
 * The one credential of a request, read from the raw header lines and nowhere else: never from the query,
 * a cookie or the body. Never throws; whatever is wrong comes back as a problem with its reason.
 */
export function readCredential(head: RequestHead, accepted: AcceptedSchemes): Credential | CredentialProblem {
  // Front proxies differ on whether the first or the last line counts, so two lines are refused even if equal.
  if (head.authorization.length > 1 || head.xApiKey.length > 1) return problem('conflicting_credentials');
  const authorization = readAuthorization(head.authorization[0], accepted);
  if (authorization.kind === 'malformed') return problem('malformed_credential');
  const fromAuthorization = authorization.kind === 'key' ? authorization : null;
  const xApiKey = accepted.schemes.has('x-api-key') ? head.xApiKey[0] : undefined;
  if (xApiKey === undefined || (xApiKey === '' && fromAuthorization !== null)) {
    if (fromAuthorization !== null) return credential(fromAuthorization.scheme, fromAuthorization.text);
    const elsewhere = authorization.kind === 'unaccepted' || head.xApiKey.length > 0;
    return elsewhere ? problem('wrong_scheme') : problem('missing_credential', false);
  }
  if (fromAuthorization === null) return credential('x-api-key', xApiKey);
  if (fromAuthorization.text !== xApiKey) return problem('conflicting_credentials');
  return credential(fromAuthorization.scheme, xApiKey);
}

/** Whether an Authorization line is somebody else's (Basic, Digest, ...), which the gate neither reads nor strips. */
export function isForeignAuthorization(value: string): boolean {
  const { token, rest } = splitScheme(value);
  return token !== '' && rest.startsWith(' ') && schemeNamed(token) === null;
}

type Authorization =
  | { readonly kind: 'absent' }
  | { readonly kind: 'unaccepted' }
  | { readonly kind: 'malformed' }
  | { readonly kind: 'key'; readonly scheme: AuthorizationScheme; readonly text: string };

function readAuthorization(value: string | undefined, accepted: AcceptedSchemes): Authorization {
  if (value === undefined) return { kind: 'absent' };
  const { token, rest } = splitScheme(value);
  const scheme = schemeNamed(token);
  if (scheme === null) {
    // One word alone is a bare key; it must neither count nor travel on as a foreign scheme.
    return rest.startsWith(' ') && token !== '' ? { kind: 'absent' } : { kind: 'malformed' };
  }
  if (!accepted.schemes.has(scheme)) return { kind: 'unaccepted' };
  if (accepted.schemeCase === 'strict' && token !== AUTHORIZATION_SCHEMES[scheme])
    return { kind: 'unaccepted' };
  const text = rest.replace(/^ +/, '');
  return rest.startsWith(' ') && KEY.test(text) ? { kind: 'key', scheme, text } : { kind: 'malformed' };
}

function splitScheme(value: string): { token: string; rest: string } {
  const token = SCHEME_TOKEN.exec(value)?.[0] ?? '';
  return { token, rest: value.slice(token.length) };
}

function schemeNamed(token: string): AuthorizationScheme | null {
  const name = token.toLowerCase();
  return name === 'bearer' || name === 'api-key' || name === 'apikey' ? name : null;
}

function credential(scheme: Scheme, text: string): Credential | CredentialProblem {
  return KEY.test(text)
    ? { kind: 'credential', scheme, secret: new Secret(text) }
    : problem('malformed_credential');
}

function problem(reason: CredentialProblem['reason'], sent = true): CredentialProblem {
  return { kind: 'problem', reason, sent };
}
