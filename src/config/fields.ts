import { BlockList, isIP } from 'node:net';
import * as z from 'zod';
import { IDENTITY_HEADERS } from '../core/forward-headers.ts';
import {
  LIMIT_FORM,
  LIMIT_PATTERN,
  parseLimit,
  parseStatedLimit,
  STATED_LIMIT_FORM,
  STATED_LIMIT_PATTERN,
  type Limit,
} from '../core/limit.ts';
import { Secret } from '../core/secret.ts';
import { DAY_MS, DURATION_FORM, formatDuration, parseDuration } from './duration.ts';

/**
 * The kinds of values a field can have. The message of every issue raised here is what is allowed, in words; what
 * was found is put before it where the mistake is written.
 */
interface Form {
  /** What the documentation calls the type. */
  readonly title: string;
  readonly allowed: string;
  /** For editors that know the JSON Schema; never narrower than `read`. */
  readonly pattern?: string;
  readonly secret?: boolean;
}

/** A text that `read` turns into what the program uses; null is anything that is not allowed. */
export function text<T>({ title, allowed, pattern, secret }: Form, read: (text: string) => T | null) {
  const meta = { title, ...(pattern && { pattern }), ...(secret && { writeOnly: true }) };
  return z
    .string({ error: allowed })
    .meta(meta)
    .transform((written, context): T => {
      const value = read(written);
      if (value !== null) return value;
      context.issues.push({ code: 'custom', message: allowed, input: written });
      return z.NEVER;
    });
}

/** A text that stays as it is when it has the form. */
export function matching(form: Form & { readonly pattern: string }) {
  const pattern = new RegExp(form.pattern);
  return text(form, (written) => (pattern.test(written) ? written : null));
}

export function duration({ minMs, maxMs = DAY_MS }: { readonly minMs: number; readonly maxMs?: number }) {
  const least = minMs > 0 ? `, at least ${formatDuration(minMs)}` : '';
  const allowed = `${DURATION_FORM}${least}, at most ${formatDuration(maxMs)}`;
  return text({ title: 'duration', allowed, pattern: '^[0-9]+(ms|s|m|h)$' }, (written) => {
    const ms = parseDuration(written);
    return ms === null || ms < minMs || ms > maxMs ? null : ms;
  });
}

export const limit = text(
  {
    title: 'limit',
    allowed: STATED_LIMIT_FORM,
    pattern: STATED_LIMIT_PATTERN,
  },
  parseStatedLimit,
);

export const limitOrOff = text(
  {
    title: 'limit or `off`',
    allowed: `off, or ${LIMIT_FORM}`,
    pattern: `^(off|${LIMIT_PATTERN})$`,
  },
  (written): Limit | 'off' | null => (written === 'off' ? 'off' : parseLimit(written)),
);

export const port = wholeNumber({ title: 'port', from: 0, to: 65_535 });

export function wholeNumber({
  title,
  from,
  to,
  allowed = `a whole number from ${from} to ${to}`,
}: {
  readonly title: string;
  readonly from: number;
  readonly to: number;
  readonly allowed?: string;
}) {
  return z.number({ error: allowed }).int(allowed).min(from, allowed).max(to, allowed).meta({ title });
}

export const flag = z.boolean({ error: 'true, false' }).meta({ title: 'true or false' });

const HOST_LABEL = '[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?';
const HOST_NAME = new RegExp(`^(?=.{1,253}$)${HOST_LABEL}(?:\\.${HOST_LABEL})*$`);

/** An IP address without brackets, or a host name. */
export function isHost(text: string): boolean {
  return isIP(text) !== 0 || HOST_NAME.test(text);
}

/** What a server listens on. */
export const listenHost = text(
  { title: 'address', allowed: 'an IP address or a host name such as 127.0.0.1, ::1, localhost' },
  (written) => (isHost(written) ? written : null),
);

/** What a Host header is compared with. */
export const matchHost = text(
  { title: 'host name', allowed: 'a host name without port, such as api.example.com' },
  (written) => (HOST_NAME.test(written) ? written.toLowerCase() : null),
);

export const network = text(
  { title: 'network', allowed: 'a network such as 10.0.0.0/8 or fd00::/8, or an IP address' },
  readNetwork,
);

/** CIDR form, also of a single address. */
function readNetwork(written: string): string | null {
  const slash = written.indexOf('/');
  const address = slash === -1 ? written : written.slice(0, slash);
  const family = isIP(address);
  if (family === 0 || address.includes('%')) return null;
  const longest = family === 4 ? 32 : 128;
  const prefix = slash === -1 ? String(longest) : written.slice(slash + 1);
  if (!/^(?:0|[1-9]\d{0,2})$/.test(prefix) || Number(prefix) > longest) return null;
  new BlockList().addSubnet(address, Number(prefix), family === 4 ? 'ipv4' : 'ipv6');
  return `${address}/${prefix}`;
}

const SEGMENT = "[A-Za-z0-9._~!$&'()+,;=:@-]+";
const IS_DOTS = /^\.{1,2}(?:;.*)?$/;

export const routePath = text(
  {
    title: 'path prefix',
    allowed:
      'a path such as / or /plexe, without "/" at its end, wildcards, percent-encoding or dot segments',
    pattern: `^(/|(/${SEGMENT})+)$`,
  },
  (written) => readPath(written, (segment) => new RegExp(`^${SEGMENT}$`).test(segment)),
);

export const rulePath = text(
  {
    title: 'path pattern',
    allowed:
      'a path such as /health, /models/*/infer or /data/**, where * is a whole segment and ** stands only at the end, without "/" at its end, percent-encoding or dot segments',
    pattern: '^/',
  },
  (written) =>
    readPath(
      written,
      (segment, isLast) =>
        segment === '*' || (segment === '**' && isLast) || new RegExp(`^${SEGMENT}$`).test(segment),
    ),
);

function readPath(written: string, fits: (segment: string, isLast: boolean) => boolean): string | null {
  if (written === '/') return written;
  if (!written.startsWith('/')) return null;
  const segments = written.slice(1).split('/');
  const good = segments.every(
    (segment, i) => fits(segment, i === segments.length - 1) && !IS_DOTS.test(segment),
  );
  return good ? written : null;
}

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
export const HEADER_NAME_PATTERN = TOKEN;

export const schemeToken = matching({
  title: 'scheme',
  allowed: 'an authorization scheme such as Bearer or ApiKey',
  pattern: `^${TOKEN}$`,
});

/** Headers whose value is the gate's or the connection's, never a credential. */
const TAKEN_HEADERS: ReadonlySet<string> = new Set<string>([
  ...IDENTITY_HEADERS,
  ...'host content-length connection transfer-encoding upgrade keep-alive te trailer expect'.split(' '),
  ...'forwarded x-real-ip x-forwarded-for x-forwarded-proto x-forwarded-host x-forwarded-port'.split(' '),
]);

export const credentialHeader = text(
  {
    title: 'header name',
    allowed: 'a header name such as Authorization or X-API-Key, not one that the gate or the connection sets',
    pattern: `^${TOKEN}$`,
  },
  (written) =>
    new RegExp(`^${TOKEN}$`).test(written) && !TAKEN_HEADERS.has(written.toLowerCase().replace(/[_.]/g, '-'))
      ? written
      : null,
);

export const method = text(
  {
    title: 'method',
    allowed: 'a method in capitals such as GET or POST; TRACE and CONNECT never pass',
    pattern: '^[A-Z][A-Z0-9_-]*$',
  },
  (written) =>
    /^[A-Z][A-Z0-9_-]*$/.test(written) && written !== 'TRACE' && written !== 'CONNECT' ? written : null,
);

/** A name for people and metrics; it starts with a letter, so that a mapping keeps the order of its file. */
export const NAME_PATTERN = '^[A-Za-z][A-Za-z0-9_-]{0,63}$';

export const nonEmptyText = text(
  { title: 'text', allowed: 'a text of 1 to 128 characters, without spaces around it' },
  (written) => (written !== '' && written.length <= 128 && written.trim() === written ? written : null),
);

export const filePath = text(
  { title: 'path', allowed: 'the path of a file', pattern: '^[^\\u0000-\\u001f]+$' },
  (written) => (/^[^\u0000-\u001f]+$/.test(written) ? written : null),
);

/** A token that callers present as `Authorization: Bearer TOKEN`. */
export const token = secret('8 to 512 visible ASCII characters without spaces', /^[\x21-\x7e]{8,512}$/);
export const headerSecret = secret(
  '1 to 4096 visible ASCII characters',
  /^[\x21-\x7e](?:[\x20-\x7e]{0,4094}[\x21-\x7e])?$/,
);
/** What Redis is told at the start of a connection. */
export const password = secret('1 to 4096 characters on one line', /^[^\u0000-\u001f\u007f]{1,4096}$/);
export const pepper = secret('at least 16 characters', /^[^]{16,4096}$/);

function secret(allowed: string, form: RegExp) {
  return text({ title: 'secret', allowed: `a secret of ${allowed}`, secret: true }, (written) =>
    form.test(written) ? new Secret(written) : null,
  );
}
