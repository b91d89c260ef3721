/**
 * Whose part a request is, as W3C Trace Context tells it (https://www.w3.org/TR/trace-context/): ids in lower-case hex,
 * none of them all zeros.
 */
export interface TraceContext {
  readonly traceId: string;
  /** The caller's span. */
  readonly parentId: string;
  /** Whether the caller keeps what it records of the trace. */
  readonly sampled: boolean;
}

/** A caller's context, with the `tracestate` that goes with it as it came. */
export interface CallersContext extends TraceContext {
  readonly state: string | null;
}

const TRACEPARENT = 'traceparent';
const TRACESTATE = 'tracestate';
/** Version, trace, parent, flags, and what a later version may have behind them. */
const FORM = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const SAMPLED = 1;
const ZEROS = /^0+$/;

/** Of the raw header list; null where there is no context, two of them, or one that cannot be believed. */
export function readTraceContext(raw: readonly string[]): CallersContext | null {
  const [line, second] = linesOf(raw, TRACEPARENT);
  if (line === undefined || second !== undefined) return null;
  const [, version, traceId = '', parentId = '', flags = '', rest] = FORM.exec(line) ?? [];
  if (version === undefined || version === 'ff' || (version === '00' && rest !== undefined)) return null;
  if (ZEROS.test(traceId) || ZEROS.test(parentId)) return null;
  const states = linesOf(raw, TRACESTATE);
  return {
    traceId,
    parentId,
    sampled: (Number.parseInt(flags, 16) & SAMPLED) !== 0,
    state: states.length === 0 ? null : states.join(','),
  };
}

/** The value of a `traceparent`. */
export function writeTraceparent({ traceId, parentId, sampled }: TraceContext): string {
  return `00-${traceId}-${parentId}-${sampled ? '01' : '00'}`;
}

/** A flat header list with this context in place of any other. */
export function withTraceContext(
  headers: readonly string[],
  traceparent: string,
  state: string | null,
): string[] {
  const replaced: string[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] ?? '';
    if (!isContextField(name)) replaced.push(name, headers[i + 1] ?? '');
  }
  replaced.push(TRACEPARENT, traceparent);
  if (state !== null) replaced.push(TRACESTATE, state);
  return replaced;
}

function isContextField(name: string): boolean {
  if (name.length !== TRACEPARENT.length && name.length !== TRACESTATE.length) return false;
  const lower = name.toLowerCase();
  return lower === TRACEPARENT || lower === TRACESTATE;
}

function linesOf(raw: readonly string[], name: string): string[] {
  const lines: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const line = raw[i] ?? '';
    if (line.length === name.length && line.toLowerCase() === name) lines.push(raw[i + 1] ?? '');
  }
  return lines;
}
