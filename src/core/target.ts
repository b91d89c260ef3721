/** The request target split at its first `?`; both parts exactly as they came. `query` starts with `?` or is empty. */
export interface Target {
  readonly kind: 'target';
  readonly path: string;
  readonly query: string;
  /** What other readers may take the path for; empty for a path that has one reading. */
  readonly otherReadings: readonly string[];
}

export interface TargetProblem {
  readonly kind: 'problem';
  /** For the log; holds nothing of the request. */
  readonly problem: string;
}

const FORBIDDEN = /[\u0000-\u0020\u007f-\uffff\\#]/;
const ABSOLUTE_FORM = /^https?:\/\/([^/?#]+)([^#]*)$/i;

/**
 * Reads the request target (RFC 9112 section 3.2). What is routed is what is forwarded, byte for byte, so
 * everything that an upstream might read differently is refused here: dot segments plain or encoded (also with
 * path parameters, `..;x`), backslashes plain or encoded, control bytes, broken percent-encoding, fragments, and an
 * absolute form whose authority is not the Host. Doubled and encoded slashes pass here; the routes refuse them where
 * another reading would lead to another route or rule.
 */
export function readTarget(url: string, host: readonly string[]): Target | TargetProblem {
  let rest = url;
  if (!url.startsWith('/')) {
    const absolute = ABSOLUTE_FORM.exec(url);
    if (absolute === null) return problem('the target is neither a path nor an absolute URI');
    if ((absolute[1] ?? '').toLowerCase() !== (host[0] ?? '').toLowerCase()) {
      return problem('the authority of the target is not the Host');
    }
    rest = absolute[2] ?? '';
    if (!rest.startsWith('/')) rest = `/${rest}`;
  }
  const mark = rest.indexOf('?');
  const path = mark === -1 ? rest : rest.slice(0, mark);
  const query = mark === -1 ? '' : rest.slice(mark);
  if (FORBIDDEN.test(path))
    return problem('the path holds a backslash, a fragment, a space, a control or a non-ASCII byte');
  if (/[#\u0000-\u0020\u007f-\uffff]/.test(query))
    return problem('the query holds a fragment, a space, a control or a non-ASCII byte');
  const decoded = decode(path);
  if (decoded === null) return problem('the path holds a broken percent-encoding');
  if (/[\u0000-\u001f\u007f\\]/.test(decoded))
    return problem('the path holds an encoded backslash or control byte');
  if (hasDotSegment(decoded)) return problem('the path holds a dot segment');
  return { kind: 'target', path, query, otherReadings: otherReadingsOf(path) };
}

/** A name, an address, or nothing, and a port (RFC 9110 section 4.2.3); no sign that two readers could read differently. */
const HOST = /^(?:[A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\])(?::\d{0,5})?$/;
let lastHost = '';

/** Whether a Host field holds what it should. Clients of one gate ask for few hosts, most for one after another. */
export function isHost(value: string): boolean {
  if (value === lastHost) return true;
  if (!HOST.test(value)) return false;
  lastHost = value;
  return true;
}

let lastNamed = { host: '', name: '' };

/** The host of a Host field as routes know it: without port, without the dot of the root, in lower case. */
export function hostName(host: string): string {
  if (host !== lastNamed.host) {
    lastNamed = { host, name: host.replace(/:\d*$/, '').replace(/\.$/, '').toLowerCase() };
  }
  return lastNamed.name;
}

/** One round of percent-decoding to latin-1 characters; null where a `%` is not followed by two hex digits. */
function decode(path: string): string | null {
  if (!path.includes('%')) return path;
  let broken = false;
  const text = path.replace(/%(..?)?/g, (_, digits: string | undefined) => {
    if (digits === undefined || !/^[0-9a-f]{2}$/i.test(digits)) broken = true;
    return String.fromCharCode(Number.parseInt(digits ?? '0', 16));
  });
  return broken ? null : text;
}

/**
 * What readers other than ours may take a path for: with percent-encoding decoded, with slashes folded as well, and,
 * where it starts with `//`, without the first segment, which a reader that resolves references (RFC 3986 section
 * 4.2) takes for a host, and without the parameters of its segments (`;v=1`), which servlet containers leave out.
 * The path MUST have passed `readTarget`, or be the end of one that did.
 */
export function otherReadingsOf(path: string): string[] {
  if (!/%|;|\/\//.test(path)) return [];
  const decoded = decode(path) ?? path;
  const readings = new Set([decoded, fold(decoded)]);
  if (decoded.startsWith('//')) readings.add(fold(`/${decoded.replace(/^\/\/[^/]*/, '')}`));
  if (decoded.includes(';')) readings.add(fold(decoded.replace(/;[^/]*/g, '')));
  readings.delete(path);
  return [...readings];
}

function fold(path: string): string {
  return path.replace(/\/{2,}/g, '/');
}

function hasDotSegment(path: string): boolean {
  return path.includes('/.') && path.split('/').some((segment) => /^\.{1,2}(?:;.*)?$/.test(segment));
}

function problem(text: string): TargetProblem {
  return { kind: 'problem', problem: text };
}
