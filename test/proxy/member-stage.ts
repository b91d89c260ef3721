import { vi } from 'vitest';
import type { Change, Grant, Renewal, Renewals } from '../../src/core/wire.ts';
import { Knowledge, type Reading } from '../../src/proxy/keys/knowledge.ts';
import { Member } from '../../src/proxy/keys/member.ts';
import { Witness } from '../../src/proxy/keys/witness.ts';
import type { FakeClock } from '../support/fake-clock.ts';

const FENCE_MS = 2000;

interface Call {
  readonly renewal: Renewal;
  readonly signal: AbortSignal;
  answer(grant: Partial<Grant> | null): Promise<void>;
  fail(): Promise<void>;
}

/** Renewals that a test answers, or that are answered at once. */
export class HeldRenewals implements Renewals {
  readonly calls: Call[] = [];
  head = 0;
  changes: readonly Change[] = [];
  atOnce: 'answer' | 'fail' | 'null' | null = 'answer';

  renew(_member: string, renewal: Renewal, signal: AbortSignal): Promise<Grant | null> {
    return new Promise((resolve, reject) => {
      const call: Call = {
        renewal,
        signal,
        answer: (fields) => {
          resolve(fields === null ? null : { ...this.#grant(renewal), ...fields });
          return vi.advanceTimersByTimeAsync(0).then(() => undefined);
        },
        fail: () => {
          reject(new Error('away'));
          return vi.advanceTimersByTimeAsync(0).then(() => undefined);
        },
      };
      this.calls.push(call);
      if (this.atOnce === 'answer') void call.answer({});
      if (this.atOnce === 'fail') void call.fail();
      if (this.atOnce === 'null') void call.answer(null);
    });
  }

  #grant({ applied }: Renewal): Grant {
    const changes = this.changes.filter(({ number }) => number > applied);
    return { epoch: 'e1', head: this.head, changes, fenceMs: FENCE_MS, now: 0, redisRun: 'run1' };
  }

  /** The newest call. */
  get last(): Call {
    const call = this.calls.at(-1);
    if (call === undefined) throw new Error('nobody has renewed');
    return call;
  }

  /** A change that the next renewal tells. */
  change(): void {
    const change = { number: ++this.head, keyId: `k${this.head}`, ownerId: null, digest: null };
    this.changes = [...this.changes, change];
  }
}

/** Both clocks and the timers of the process; the test MUST have set fake timers. */
export async function pass(clock: FakeClock, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 10) {
    const step = Math.min(10, left);
    clock.advance(step);
    await vi.advanceTimersByTimeAsync(step);
  }
}

export function memberOf(
  clock: FakeClock,
  renewals: HeldRenewals,
  read: () => Promise<Reading> = () => Promise.reject(new Error('away')),
) {
  const knowledge = new Knowledge({ clock, fenceMs: FENCE_MS, staleIfErrorMs: 60_000 });
  const told: string[] = [];
  let tell = (): void => undefined;
  const witness = new Witness({
    isUp: () => true,
    read,
    knowledge,
    clock,
    asked: (result) => void told.push(`witness ${result}`),
  });
  const member = new Member({
    id: 'm1',
    renewals,
    news: (listener) => {
      tell = listener;
      return () => {
        tell = () => undefined;
      };
    },
    knowledge,
    witness,
    staleIfErrorMs: 60_000,
    clock,
    events: {
      renewed: (result) => void told.push(result),
      applied: (changes) => void told.push(`applied ${changes}`),
    },
  });
  return { knowledge, member, told, tell: () => tell() };
}
