import { setTimeout as pause } from 'node:timers/promises';
import type { Account } from './accounts.ts';
import type { AnswerHeaders, Client } from './load.ts';

/**
 * A client alone on its limits that asks one gate after the other and does what it is told:
 * - `RateLimit`: after an answer with r=0 it waits t seconds, and never meets a refusal;
 * - `Retry-After`: it goes on until it is refused, waits as told, and is accepted then.
 */
export interface ObedientPlan {
  readonly account: Account;
  readonly heeds: 'RateLimit' | 'Retry-After';
  readonly requests: number;
  /** It ends then at the latest. */
  readonly forMs: number;
}

export interface Obeyed {
  readonly plan: ObedientPlan;
  readonly requests: number;
  readonly waits: number;
  /** Refused although it did as it was told. */
  readonly refused: number;
  /** Answers that were neither an acceptance nor a refusal, or told nothing. */
  readonly strange: number;
}

const ITEM = /"[^"]+";r=(\d+);t=(\d+)/g;

export async function obey(client: Client, plan: ObedientPlan, gates: number): Promise<Obeyed> {
  const { account, heeds } = plan;
  const endsAt = performance.now() + plan.forMs;
  const obeyed = { plan, requests: 0, waits: 0, refused: 0, strange: 0 };
  let hasWaited = heeds === 'RateLimit';
  while (obeyed.requests < plan.requests && performance.now() < endsAt) {
    const key = account.keys[obeyed.requests % account.keys.length];
    const { sent, headers } = await client.ask(account, key?.id ?? '', obeyed.requests % gates);
    const answeredAt = performance.now();
    obeyed.requests++;
    if (sent.status === 429 && hasWaited) obeyed.refused++;
    if (sent.status !== 429 && sent.status !== 200) obeyed.strange++;
    const seconds =
      heeds === 'RateLimit' && sent.status === 200 ? resetIn(headers) : retryAfter(sent.status, headers);
    if (seconds === null) obeyed.strange++;
    hasWaited = heeds === 'RateLimit' || sent.status === 429;
    if (seconds === null || seconds === 0) continue;
    obeyed.waits++;
    await pauseUntil(answeredAt + seconds * 1000);
  }
  return obeyed;
}

/** The longest t among the limits with r=0; null where there is no such field. */
function resetIn(headers: AnswerHeaders): number | null {
  const items = [...String(headers['ratelimit'] ?? '').matchAll(ITEM)];
  if (items.length === 0) return null;
  return Math.max(0, ...items.map(([, r, t]) => (r === '0' ? Number(t) : 0)));
}

/** 0 for an acceptance; null for a refusal without a whole number of at least 1. */
function retryAfter(status: number, headers: AnswerHeaders): number | null {
  if (status === 200) return 0;
  const text = String(headers['retry-after'] ?? '');
  return /^[1-9]\d*$/.test(text) ? Number(text) : null;
}

/** Timers of Node may be early by a part of a millisecond. */
async function pauseUntil(at: number): Promise<void> {
  for (let left = at - performance.now(); left > 0; left = at - performance.now())
    await pause(Math.max(1, left));
}
