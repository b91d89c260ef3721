import { loadConfig } from '../config/load.ts';
import { formatMistake } from '../config/mistake.ts';
import type { Secret } from '../core/secret.ts';
import { findAccess, nearUrl, readToken, readUrl, type AccessOptions } from './admin-access.ts';
import type { AdminAccess } from './admin-client.ts';

export interface ExplainOptions extends AccessOptions {
  /** Admin ports of gates. */
  readonly gate?: readonly string[];
  readonly gateTokenFile?: string;
}

/** Whom to ask about a request: gates, and the key service for its audit; null where nothing says where that is. */
export interface Witnesses {
  readonly gates: readonly AdminAccess[];
  readonly keyService: AdminAccess | null;
}

export type FoundWitnesses =
  | { readonly kind: 'witnesses'; readonly witnesses: Witnesses }
  | { readonly kind: 'bad_usage'; readonly why: string }
  | { readonly kind: 'failed'; readonly why: string };

/** The admin port of a gate on this machine, where nothing else is said. */
const USUAL_GATE = 'http://127.0.0.1:9090';

export function findWitnesses(options: ExplainOptions): FoundWitnesses {
  const file = sectionsOf(options.config);
  if (typeof file === 'string') return { kind: 'failed', why: file };
  const token = options.gateTokenFile === undefined ? null : readToken(options.gateTokenFile);
  if (token !== null && token.kind !== 'found') return token;
  const gates: AdminAccess[] = [];
  for (const text of options.gate ?? file.gates) {
    const url = readUrl(text, '--gate');
    if (url.kind !== 'found') return url;
    gates.push({ url: url.value, token: token?.value ?? file.token });
  }
  const isTold = options.url !== undefined || options.tokenFile !== undefined;
  if (!isTold && !file.hasKeyService) return { kind: 'witnesses', witnesses: { gates, keyService: null } };
  const found = findAccess(options);
  return found.kind === 'access'
    ? { kind: 'witnesses', witnesses: { gates, keyService: found.access } }
    : found;
}

interface Sections {
  readonly gates: readonly string[];
  readonly token: Secret | null;
  readonly hasKeyService: boolean;
}

/** What the file says of them; a text: its mistakes. */
function sectionsOf(path: string | undefined): Sections | string {
  if (path === undefined) return { gates: [USUAL_GATE], token: null, hasKeyService: false };
  const loaded = loadConfig(path, process.env);
  if (loaded.kind === 'mistakes') return loaded.mistakes.map(formatMistake).join('\n');
  const { admin, proxy, keyService } = loaded.config;
  return {
    gates: proxy === null ? [] : [nearUrl(admin)],
    token: admin.token,
    hasKeyService: keyService !== null,
  };
}
