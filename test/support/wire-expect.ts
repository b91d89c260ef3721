/* oxlint-disable vitest/no-standalone-expect, vitest/valid-expect -- called by tests; the second argument says what differs */
import { expect } from 'vitest';
import { valuesOf, type MessageHead } from './http-message.ts';
import type { RawAnswer } from './raw-client.ts';
import type { RecordedRequest } from './upstream.ts';
import type { Arrivals, Expectation, HeaderExpectation } from './wire-cases.ts';

type Fill = (text: string) => string;

export function expectStatuses(answers: readonly RawAnswer[], expected: Expectation['status']): void {
  const counts: Record<string, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  expect(counts, 'answers by status').toEqual(
    typeof expected === 'number' ? { [expected]: answers.length } : expected,
  );
}

/** Headers and body. What is expected of a refusal holds for the refused ones where a step has several statuses. */
export function expectAnswer(answer: RawAnswer, expected: Expectation, fill: Fill): void {
  expect(answer.complete, 'the answer is whole').toBe(true);
  const worst =
    typeof expected.status === 'number' ? null : Math.max(...Object.keys(expected.status).map(Number));
  if (worst !== null && answer.status !== worst) return;
  expectHeaders(answer, expected.headers, fill);
  const text = answer.body.toString('utf8');
  if (typeof expected.body === 'string') expect(text).toBe(fill(expected.body));
  else if (expected.body !== undefined) {
    expectPart(JSON.parse(text), JSON.parse(fill(JSON.stringify(expected.body))), 'body');
  }
  for (const name of expected.bodyWithout) expect(text).not.toContain(`"${name}"`);
}

export function expectHeaders(head: MessageHead, expected: HeaderExpectation, fill: Fill): void {
  for (const [name, value] of Object.entries(expected)) {
    const found = valuesOf(head, name);
    if (value === null) expect(found, name).toEqual([]);
    else if (Array.isArray(value)) expect(found, name).toEqual(value.map(fill));
    else {
      expect(found, name).toHaveLength(1);
      expectText(found[0], fill(value), name);
    }
  }
}

export function expectArrivals(arrived: readonly RecordedRequest[], expected: Arrivals, fill: Fill): void {
  expect(arrived.length, 'requests at the upstream').toBe(expected.count);
  for (const request of arrived) {
    if (expected.method !== undefined) expect(request.method).toBe(expected.method);
    if (expected.target !== undefined) expect(request.target).toBe(expected.target);
    if (expected.body !== undefined) expect(request.body.toString('utf8')).toBe(fill(expected.body));
    expectHeaders(request, expected.headers, fill);
  }
  if (expected.identical) {
    const bytes = arrived.map((request) =>
      request.bytes.toString('latin1').replace(/^(x-request-id:).*$/im, '$1 (any)'),
    );
    expect(new Set(bytes), 'requests that differ').toHaveLength(1);
  }
}

/** Everything in `expected` is in `actual`; objects may have more members, lists may not. */
function expectPart(actual: unknown, expected: unknown, at: string): void {
  if (typeof expected === 'string') expectText(actual, expected, at);
  else if (Array.isArray(expected)) {
    expect(actual, at).toHaveLength(expected.length);
    expected.forEach((item, i) => expectPart((actual as unknown[])[i], item, `${at}[${i}]`));
  } else if (typeof expected === 'object' && expected !== null) {
    expect(actual, at).toBeTypeOf('object');
    for (const [name, item] of Object.entries(expected)) {
      expectPart((actual as Record<string, unknown>)[name], item, `${at}.${name}`);
    }
  } else expect(actual, at).toBe(expected);
}

function expectText(actual: unknown, expected: string, at: string): void {
  if (expected.length > 2 && expected.startsWith('/') && expected.endsWith('/')) {
    expect(actual, at).toMatch(new RegExp(expected.slice(1, -1)));
  } else expect(actual, at).toBe(expected);
}

/** No log line, metric or error may hold a key that was used, whatever header, path or query it came in. */
export function expectOutputWithoutKeys(outputs: readonly string[], keys: readonly string[]): void {
  for (const output of outputs) {
    for (const key of keys) {
      // The message itself must not print the key.
      expect(output.includes(key), 'a key in the output of the gate').toBe(false);
    }
  }
}

/** Names and labels of the gate's own metric series, without their values. */
export function seriesOf(metrics: string): string[] {
  return metrics
    .split('\n')
    .filter((line) => line.startsWith('plexgate_'))
    .map((line) => line.replace(/ \S+$/, ''))
    .sort();
}
