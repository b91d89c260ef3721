import { describe, expect, it } from 'vitest';
import { readTraceContext, withTraceContext, writeTraceparent } from '../../src/core/trace-context.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';
const line = `00-${TRACE}-${PARENT}-01`;

describe('the context of a caller', () => {
  it.each([
    ['of a trace that is kept', [line], true],
    ['of a trace that is not kept', [`00-${TRACE}-${PARENT}-00`], false],
    ['with flags nobody knows', [`00-${TRACE}-${PARENT}-03`], true],
    ['of a later version', [`cc-${TRACE}-${PARENT}-01`], true],
    ['of a later version with more behind it', [`cc-${TRACE}-${PARENT}-01-what-the-future-brings`], true],
  ])('is read: %s', (_, lines, sampled) => {
    const raw = lines.flatMap((value) => ['Traceparent', value]);
    expect(readTraceContext(raw)).toEqual({ traceId: TRACE, parentId: PARENT, sampled, state: null });
  });

  it.each([
    ['none', []],
    ['two', [line, line]],
    ['an empty one', ['']],
    ['no such version', [`ff-${TRACE}-${PARENT}-01`]],
    ['version 00 with more behind it', [`${line}-00`]],
    ['a later version with more in it', [`cc-${TRACE}-${PARENT}-01x`]],
    ['capitals', [line.toUpperCase()]],
    ['a trace of zeros', [`00-${'0'.repeat(32)}-${PARENT}-01`]],
    ['a parent of zeros', [`00-${TRACE}-${'0'.repeat(16)}-01`]],
    ['a short trace', [`00-${TRACE.slice(1)}-${PARENT}-01`]],
    ['no hex', [`00-${TRACE.replace('a', 'g')}-${PARENT}-01`]],
    ['a space', [`00 ${TRACE}-${PARENT}-01`]],
  ])('is not believed: %s', (_, lines) => {
    expect(readTraceContext(lines.flatMap((value) => ['traceparent', value]))).toBeNull();
  });

  it('has its state with it, the lines of it as one', () => {
    const raw = ['tracestate', 'a=1', 'Host', 'x', 'traceparent', line, 'TraceState', 'b=2,c=3'];
    expect(readTraceContext(raw)?.state).toBe('a=1,b=2,c=3');
  });
});

it('a context that is written is read as the same', () => {
  const context = { traceId: TRACE, parentId: PARENT, sampled: true };
  expect(readTraceContext(['traceparent', writeTraceparent(context)])).toEqual({ ...context, state: null });
});

it.each([
  [null, ['Accept', '*/*', 'X-Trace', '1', 'traceparent', line]],
  ['a=1', ['Accept', '*/*', 'X-Trace', '1', 'traceparent', line, 'tracestate', 'a=1']],
])('a context takes the place of all others in a header list, with the state %j', (state, expected) => {
  const headers = ['TraceParent', 'x', 'Accept', '*/*', 'tracestate', 'y', 'X-Trace', '1', 'TRACESTATE', 'z'];
  expect(withTraceContext(headers, line, state)).toEqual(expected);
});
