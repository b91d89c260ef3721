import { existsSync } from 'node:fs';
import type { KeyServiceConfig } from '../config/config.ts';
import { readText } from '../config/checked-text.ts';
import { loadConfig } from '../config/load.ts';
import { formatMistake } from '../config/mistake.ts';
import { secretsPathOf } from '../config/secrets-path.ts';
import { Secret } from '../core/secret.ts';
import { loadLocalSecrets } from '../key-service/local-secrets.ts';
import type { AdminAccess } from './admin-client.ts';

/** How a command was told where the key service is. */
export interface AccessOptions {
  readonly url?: string;
  readonly tokenFile?: string;
  readonly config?: string;
}

export type FoundAccess =
  | { readonly kind: 'access'; readonly access: AdminAccess }
  | { readonly kind: 'bad_usage'; readonly why: string }
  | { readonly kind: 'failed'; readonly why: string };

type Found<T> = { readonly kind: 'found'; readonly value: T } | Exclude<FoundAccess, { kind: 'access' }>;

/** What the options say; what they leave out comes from the configuration. */
export function findAccess({ url, tokenFile, config }: AccessOptions): FoundAccess {
  if (url !== undefined && tokenFile !== undefined) return accessOf(readUrl(url), readToken(tokenFile));
  if (config === undefined) {
    return { kind: 'bad_usage', why: 'give --config FILE, or --url URL and --token-file FILE' };
  }
  const section = keyServiceIn(config);
  if (section.kind !== 'found') return section;
  return accessOf(
    url === undefined ? urlOf(section.value) : readUrl(url),
    tokenFile === undefined ? tokenOf(section.value) : readToken(tokenFile),
  );
}

function accessOf(url: Found<string>, token: Found<Secret>): FoundAccess {
  if (url.kind !== 'found') return url;
  if (token.kind !== 'found') return token;
  return { kind: 'access', access: { url: url.value, token: token.value } };
}

function failed(why: string): { readonly kind: 'failed'; readonly why: string } {
  return { kind: 'failed', why };
}

function keyServiceIn(file: string): Found<KeyServiceConfig> {
  const loaded = loadConfig(file, process.env);
  if (loaded.kind === 'mistakes') return failed(loaded.mistakes.map(formatMistake).join('\n'));
  const { keyService } = loaded.config;
  if (keyService !== null) return { kind: 'found', value: keyService };
  return failed(`${file} has no keyService section; give --url URL and --token-file FILE`);
}

/** Where a server that listens everywhere is reached from the same machine. */
const LOOPBACK: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };

function urlOf(section: KeyServiceConfig): Found<string> {
  if (section.port === 0) return failed('keyService.port is 0, any free port; give --url URL');
  return { kind: 'found', value: nearUrl(section) };
}

/** A server of this machine, as it is reached from there. */
export function nearUrl({ host, port }: { readonly host: string; readonly port: number }): string {
  const near = LOOPBACK[host] ?? host;
  return `http://${near.includes(':') ? `[${near}]` : near}:${port}`;
}

function tokenOf(section: KeyServiceConfig): Found<Secret> {
  const told = section.adminTokens?.[0];
  if (told !== undefined) return { kind: 'found', value: told };
  const path = secretsPathOf(section);
  if (path === null) return failed('the file has no keyService.adminToken; give --token-file FILE');
  if (!existsSync(path)) {
    return failed(
      `${path} is not there; the key service makes it at its first start, or give --token-file FILE`,
    );
  }
  try {
    return { kind: 'found', value: loadLocalSecrets(path, refuseToMake).adminToken };
  } catch (error) {
    return failed(error instanceof Error ? error.message : 'the secrets cannot be read');
  }
}

/** Secrets are made where the key service starts, never by who only asks it. */
function refuseToMake(): never {
  throw new Error('the secrets are not there any more');
}

/** `option` is what it was given with. */
export function readUrl(text: string, option = '--url'): Found<string> {
  const url = URL.canParse(text) ? new URL(text) : null;
  const isPlain = url !== null && url.username === '' && url.password === '' && url.search + url.hash === '';
  if (!isPlain || !/^https?:$/.test(url.protocol)) {
    const why = `${option}: an http or https URL without credentials, query and fragment is wanted`;
    return { kind: 'bad_usage', why };
  }
  return { kind: 'found', value: url.href.replace(/\/+$/, '') };
}

export function readToken(path: string): Found<Secret> {
  const read = readText(path);
  if (read.kind === 'unreadable') return failed(`the token file ${path} ${read.why}`);
  const text = read.text.trim();
  if (!/^[\x21-\x7e]+$/.test(text)) return failed(`the token file ${path} does not hold one token`);
  return { kind: 'found', value: new Secret(text) };
}
