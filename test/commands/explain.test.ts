import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../../proof/revocation/random.ts';
import { codeOf, REASONS, type Reason } from '../../src/core/reasons.ts';
import { valuesOf } from '../support/http-message.ts';
import { exchange, type RawAnswer } from '../support/raw-client.ts';
import { until } from '../support/until.ts';
import { anyAddress, bytesOf, startRefusals, type Refusal, type RefusalStage } from './refusal-stage.ts';
import { typed } from './typed.ts';

const REFUSALS = 1000;
const PARALLEL = 16;
/** What an answer says of limits and of when to come back. */
const TELLING = [
  'RateLimit-Policy',
  'RateLimit',
  'X-RateLimit-Limit',
  'X-RateLimit-Remaining',
  'X-RateLimit-Reset',
  'Retry-After',
];

interface Refused {
  readonly refusal: Refusal;
  readonly answer: RawAnswer;
  readonly requestId: string;
}

interface Explained {
  readonly request_id: string;
  readonly reason: Reason;
  readonly status: number;
  readonly key_id: string | null;
  readonly owner_id: string | null;
  readonly limits: readonly { name: string; limit: string; remaining: number; reset_after_ms: number }[];
  readonly headers: Readonly<Record<string, string>>;
}

let stage: RefusalStage;

beforeAll(async () => {
  stage = await startRefusals();
});
afterAll(() => stage.stop());

const gateUrl = ({ gate }: Pick<Refusal, 'gate'>): string => `http://127.0.0.1:${gate.adminPort}`;

async function refuse(refusal: Refusal, random: Random, i: number): Promise<Refused> {
  // Some clients name their requests by themselves, with whatever may stand in a header.
  const own = random.chance(0.3) ? [`X-Request-Id: ${i}/%7e?${random.below(1e9)}"#`] : [];
  const { port, forwardAuthPort } = refusal.gate;
  const answer = await exchange(
    refusal.door === 'traffic' ? port : forwardAuthPort,
    bytesOf(refusal.request(), anyAddress(random), ...own),
  );
  return { refusal, answer, requestId: valuesOf(answer, 'x-request-id').join() };
}

async function explained({ refusal, requestId }: Refused): Promise<Explained> {
  const { out } = await typed(['explain', '--gate', gateUrl(refusal), '--json', '--', requestId]);
  const { decisions } = JSON.parse(out) as { decisions: Explained[] };
  if (decisions.length !== 1 || decisions[0] === undefined) throw new Error(`${requestId}: ${out}`);
  return decisions[0];
}

/** What the client was told, by its own reading of the bytes. */
function toldBy({ refusal: { profile }, answer }: Refused) {
  const body = JSON.parse(answer.body.toString()) as Record<string, unknown> & { error?: { code: string } };
  const values = TELLING.map((name) => [name, valuesOf(answer, name).join()]);
  return {
    status: answer.status,
    code: profile === 'standard' ? body['code'] : body.error?.code,
    ...(profile === 'standard' ? { reason: body['reason'], retryAfter: body['retry_after'] } : {}),
    headers: Object.fromEntries(values.filter(([, value]) => value !== '')) as Record<string, string>,
  };
}

/** `"owner-hour";r=0;t=12` as name, what is left, and seconds. */
function limitsIn(field: string | undefined): unknown[] {
  return Array.from((field ?? '').matchAll(/"([^"]+)";r=(\d+);t=(\d+)/g), ([, name, r, t]) => [
    name,
    Number(r),
    Number(t),
  ]);
}

function compare(refused: Refused, one: Explained): void {
  const { refusal, requestId } = refused;
  const told = toldBy(refused);
  const { reason, key, profile } = refusal;
  expect(one).toMatchObject({
    request_id: requestId,
    reason,
    status: REASONS[reason].status,
    key_id: key?.keyId ?? null,
    owner_id: key?.ownerId ?? null,
  });
  expect(one.headers).toEqual(told.headers);
  expect([one.status, codeOf(one.reason, profile, false)]).toEqual([told.status, told.code]);
  const bySeconds = one.limits.map(({ name, remaining, reset_after_ms }) => [
    name,
    remaining,
    Math.ceil(reset_after_ms / 1000),
  ]);
  expect(bySeconds).toEqual(limitsIn(told.headers['RateLimit']));
  if (profile === 'standard') {
    expect(told.reason).toBe(one.reason);
    if (told.retryAfter !== undefined) expect(told.retryAfter).toBe(Number(one.headers['Retry-After']));
  }
}

describe('plexgate explain', () => {
  it(`names the same reason and numbers as the answer, for ${REFUSALS} random refusals of every kind`, async () => {
    const seed = Date.now();
    const random = new Random(seed);
    const done: Refused[] = [];
    let left = REFUSALS;
    const refusing = async (): Promise<void> => {
      for (let i = left--; i > 0; i = left--) {
        done.push(await refuse(random.oneOf(stage.refusals), random, i));
      }
    };
    await Promise.all(Array.from({ length: PARALLEL }, refusing));
    const wrong: string[] = [];
    for (const refused of done) {
      await until(`${refused.requestId} is remembered`, async () => (await explained(refused)) !== null);
      try {
        compare(refused, await explained(refused));
      } catch (error) {
        wrong.push(`${refused.refusal.reason} (${refused.refusal.profile}): ${String(error)}`);
      }
    }
    expect(wrong, `seed ${seed}`).toEqual([]);
    expect(done).toHaveLength(REFUSALS);
    const provoked = new Set(done.map(({ refusal }) => refusal.reason));
    // Answered with a bare status, which names no request.
    const bare = ['headers_too_large'];
    expect([...provoked, ...bare].sort(), `seed ${seed}`).toEqual(Object.keys(REASONS).sort());
  });
});
