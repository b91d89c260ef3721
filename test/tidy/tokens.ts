/**
 * TypeScript cut into tokens, as far as the rules need it: what is code, what is a string, what is a comment.
 * A `/` starts a pattern where an expression may start, judged by the token before it; after `)` and `}` it is
 * taken for a division.
 */
export interface Token {
  readonly kind: 'word' | 'number' | 'string' | 'template' | 'pattern' | 'sign' | 'comment';
  readonly text: string;
  readonly line: number;
}

const BEFORE_EXPRESSION = new Set(
  'return typeof case in of delete void throw new instanceof await yield else do default'.split(' '),
);
const FORMS: readonly (readonly [Token['kind'] | 'space', RegExp])[] = [
  ['space', /\s+/y],
  ['comment', /\/\/[^\n]*|\/\*[\s\S]*?\*\/|^#![^\n]*/y],
  ['string', /'(?:[^'\\\n]|\\[\s\S])*'|"(?:[^"\\\n]|\\[\s\S])*"/y],
  ['number', /\d[\w.]*/y],
  ['word', /[\w$#@\u0080-\uffff]+/y],
  ['sign', /=>|\?\.(?!\d)|\.\.\.|[\s\S]/y],
];
const PATTERN = /\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y;
/** From a backtick, or from the brace that ends a substitution, to the next substitution or the end. */
const TEMPLATE_PART = /[`}](?:[^`\\$]|\\[\s\S]|\$(?!\{))*(?:`|\$\{)/y;

export function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  /** Open braces; true for those of a template's substitution. */
  const braces: boolean[] = [];
  let at = 0;
  let line = 1;
  while (at < text.length) {
    const inTemplate = text.charAt(at) === '`' || (text.charAt(at) === '}' && braces.at(-1) === true);
    const [kind, part] = inTemplate ? templatePart(text, at) : plainPart(text, at, tokens);
    if (inTemplate && part.startsWith('}')) braces.pop();
    if (inTemplate && part.endsWith('${')) braces.push(true);
    if (kind === 'sign' && part === '{') braces.push(false);
    if (kind === 'sign' && part === '}') braces.pop();
    if (kind !== 'space') tokens.push({ kind, text: part, line });
    line += part.split('\n').length - 1;
    at += part.length;
  }
  return tokens;
}

/** The tokens without comments. */
export function codeOf(text: string): Token[] {
  return tokensOf(text).filter(({ kind }) => kind !== 'comment');
}

/** The text of a string token without its quotes; null for any other token. */
export function stringOf(token: Token | undefined): string | null {
  if (token?.kind === 'string') return token.text.slice(1, -1);
  return token?.kind === 'template' && /^`[^`$]*`$/.test(token.text) ? token.text.slice(1, -1) : null;
}

function templatePart(text: string, at: number): [Token['kind'], string] {
  return ['template', matchAt(TEMPLATE_PART, text, at) ?? text.slice(at)];
}

function plainPart(text: string, at: number, before: readonly Token[]): [Token['kind'] | 'space', string] {
  for (const [kind, form] of FORMS) {
    if (kind === 'sign' && text.charAt(at) === '/' && expressionMayStart(before)) {
      const pattern = matchAt(PATTERN, text, at);
      if (pattern !== null) return ['pattern', pattern];
    }
    const part = matchAt(form, text, at);
    if (part !== null) return [kind, part];
  }
  throw new Error(`nothing matches at ${at}`);
}

function expressionMayStart(before: readonly Token[]): boolean {
  const last = before.findLast(({ kind }) => kind !== 'comment');
  if (last === undefined) return true;
  if (last.kind === 'word') return BEFORE_EXPRESSION.has(last.text);
  // `</` ends an element of JSX.
  return last.kind === 'sign' && !')]}<'.includes(last.text);
}

function matchAt(form: RegExp, text: string, at: number): string | null {
  form.lastIndex = at;
  return form.exec(text)?.[0] ?? null;
}
