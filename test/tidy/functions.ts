import { codeOf, type Token } from './tokens.ts';

export interface FunctionSpan {
  readonly line: number;
  readonly lines: number;
  /** The word a function is handed to first, such as `describe`; null where it is handed to nobody. */
  readonly handedTo: string | null;
}

const CONTROL = new Set(['if', 'for', 'while', 'switch', 'catch', 'with', 'await']);
const NEVER_IN_A_TYPE = new Set(
  'class interface namespace enum static try finally else do return throw yield const let var function'.split(
    ' ',
  ),
);
const CLOSERS: Readonly<Record<string, string>> = { ')': '(', ']': '[', '}': '{', '>': '<' };

/**
 * The functions with a body in braces, from the line of their parameters to the closing brace. A brace opens a body
 * after `=>`, after the parameters, or after `parameters: type`.
 */
export function functionsOf(text: string): FunctionSpan[] {
  const tokens = codeOf(text);
  const spans: FunctionSpan[] = [];
  const open: { readonly body: number | null }[] = [];
  for (const [i, { kind, text: sign, line }] of tokens.entries()) {
    if (kind === 'template') {
      if (sign.startsWith('}')) open.pop();
      if (sign.endsWith('${')) open.push({ body: null });
    }
    if (kind !== 'sign') continue;
    if (sign === '{') open.push({ body: parametersBefore(tokens, i) });
    if (sign !== '}') continue;
    const body = open.pop()?.body ?? null;
    if (body === null) continue;
    const start = tokens[body]?.line ?? line;
    spans.push({ line: start, lines: line - start + 1, handedTo: calleeOf(tokens, body) });
  }
  return spans;
}

/** Where the parameters of the function whose body opens at `brace` start; null where no function's does. */
function parametersBefore(tokens: readonly Token[], brace: number): number | null {
  const last = tokens[brace - 1];
  if (last?.text === '=>') {
    const end = endOfParameters(tokens, brace - 2) ?? brace - 2;
    return tokens[end]?.text === ')' ? opening(tokens, end) : end;
  }
  const end = last?.text === ')' ? brace - 1 : endOfParameters(tokens, brace - 1);
  if (end === null) return null;
  const start = opening(tokens, end);
  return CONTROL.has(tokens[start - 1]?.text ?? '') ? null : start;
}

/** The `)` of `(...): type` where the type ends at `at`; null where nothing of that form ends there. */
function endOfParameters(tokens: readonly Token[], at: number): number | null {
  for (let i = at; i > 0; i--) {
    const { kind, text } = tokens[i] ?? { kind: 'sign', text: ';' };
    if (text === ':') return i < at && tokens[i - 1]?.text === ')' ? i - 1 : null;
    if (kind === 'word' && NEVER_IN_A_TYPE.has(text)) return null;
    if (kind === 'sign' && text in CLOSERS) i = opening(tokens, i);
    else if (kind === 'sign' && !'.|&,?'.includes(text)) return null;
  }
  return null;
}

function opening(tokens: readonly Token[], closer: number): number {
  const close = tokens[closer]?.text ?? '';
  let depth = 0;
  for (let i = closer; i > 0; i--) {
    const { kind, text } = tokens[i] ?? { kind: 'word', text: '' };
    if (kind !== 'sign') continue;
    if (text === close) depth++;
    if (text === CLOSERS[close] && --depth === 0) return i;
  }
  return 0;
}

/** The first word of the call that the function starting at `start` is an argument of: `describe` of `describe.each(x)('y', () =>`. */
function calleeOf(tokens: readonly Token[], start: number): string | null {
  let i = start - 1;
  while (i > 0 && tokens[i]?.text !== '(') {
    const { kind, text } = tokens[i] ?? { kind: 'sign', text: ';' };
    if (kind === 'sign' && text in CLOSERS && text !== '>') i = opening(tokens, i);
    else if (kind === 'sign' && text !== ',') return null;
    i--;
  }
  let word: string | null = null;
  for (i--; i >= 0; i--) {
    const { kind, text } = tokens[i] ?? { kind: 'sign', text: ';' };
    if (kind === 'sign' && text in CLOSERS) i = opening(tokens, i);
    else if (kind === 'word' && (word === null || tokens[i + 1]?.text === '.')) word = text;
    else if (text !== '.') break;
  }
  return word;
}
