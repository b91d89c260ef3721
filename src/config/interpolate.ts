import { quote } from './mistake.ts';

/** Where the values of `${NAME}` and `${file:PATH}` come from. */
export interface Sources {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `why` is a few words for the operator, without the file's content. */
  readonly readFile: (
    path: string,
  ) =>
    { readonly kind: 'text'; readonly text: string } | { readonly kind: 'unreadable'; readonly why: string };
}

export interface Interpolation {
  readonly text: string;
  /** Whether anything was replaced: the text may then be a secret. */
  readonly interpolated: boolean;
  readonly problems: readonly string[];
}

export const INTERPOLATION_FORM = '${NAME} or ${file:PATH}';

const IN_YAML = /\$\{([A-Za-z_][A-Za-z0-9_]*|file:[^\s,[\]{}]+)\}/g;
const SHIELDED = /\ue000\ue001([^\ue002]*)\ue002/g;

/**
 * In YAML's flow style the braces of a bare `{ token: ${TOKEN} }` would be a mapping's. Between `shield` and
 * `unshield` private characters stand for them, one for one, so that every position stays what it is.
 */
export function shield(yaml: string): string {
  return yaml.includes('\ue000') ? yaml : yaml.replace(IN_YAML, '\ue000\ue001$1\ue002');
}

export function unshield(scalar: string): string {
  return scalar.replace(SHIELDED, '${$1}');
}

const REFERENCE = /\$\{([^}]*)\}?/g;
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * Replaces `${NAME}` by the environment variable and `${file:PATH}` by the file's content less one newline at
 * its end. What was put in is not looked at again, so a value that holds a `${` can come from a file.
 */
export function interpolate(text: string, sources: Sources): Interpolation {
  const problems: string[] = [];
  let interpolated = false;
  const replaced = text.replace(REFERENCE, (reference: string, inner: string) => {
    const value = reference.endsWith('}') ? lookUp(inner, sources) : malformed();
    if (value.kind === 'problem') problems.push(value.problem);
    interpolated = true;
    return value.kind === 'value' ? value.value : '';
  });
  return { text: replaced, interpolated, problems };
}

type Value =
  { readonly kind: 'value'; readonly value: string } | { readonly kind: 'problem'; readonly problem: string };

function lookUp(inner: string, { env, readFile }: Sources): Value {
  if (inner.startsWith('file:') && inner.length > 'file:'.length) {
    const path = inner.slice('file:'.length);
    const read = readFile(path);
    if (read.kind === 'unreadable') {
      return problem(`file ${quote(path)} ${read.why}; allowed: a file that can be read`);
    }
    return { kind: 'value', value: read.text.replace(/\r?\n$/, '') };
  }
  if (!VARIABLE.test(inner)) return malformed();
  const value = Object.hasOwn(env, inner) ? env[inner] : undefined;
  if (value !== undefined) return { kind: 'value', value };
  return problem(`environment variable ${quote(inner)} is not set; allowed: a variable that is set`);
}

/** What stands in the braces is not shown: it may be a secret that happens to hold `${`. */
function malformed(): Value {
  return problem(`found "\${" with something else behind it; allowed: ${INTERPOLATION_FORM}`);
}

function problem(text: string): Value {
  return { kind: 'problem', problem: text };
}
