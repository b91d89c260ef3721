import type { RedisScript } from '../../../src/runtime/redis/redis.ts';
import type { Chance } from './simulation.ts';

interface Head {
  readonly epoch: string;
  readonly number: number;
}

/** One Redis process: the heads written to it with their moments, and records. */
class RedisProcess {
  readonly run: string;
  heads: { readonly at: number; readonly head: Head }[] = [];
  readonly values = new Map<string, { readonly text: string; readonly goneAt: number }>();

  constructor(run: string) {
    this.run = run;
  }

  get head(): Head | null {
    return this.heads.at(-1)?.head ?? null;
  }
}

const RECORD = /^plexgate:key:/;

/** A Redis that is replaced by another process once, which lacks what was written last. Both can be spoken to. */
export class RedisModel {
  /** Every record there has been. */
  readonly #written = new Set<string>();
  readonly processes = [new RedisProcess('run0'), new RedisProcess('run1')] as const;

  failOver(at: number, lagMs: number): void {
    const [old, next] = this.processes;
    next.heads = old.heads.filter((written) => written.at <= at - lagMs);
    for (const [name, value] of old.values) next.values.set(name, value);
  }

  /** What somebody can do who may write and has no seal: forge a record, or put an old one or another's in its place. */
  tamper(at: number, chance: Chance): void {
    const { values } = chance.one(this.processes);
    const names = [...values.keys()].filter((name) => RECORD.test(name));
    if (names.length === 0) return;
    const [name, other] = [chance.one(names), chance.one(names)];
    const text = chance.one([
      values.get(other)?.text ?? '',
      values.get(name)?.text.replace(/"revoked_at":"[^"]*"/, '"revoked_at":null') ?? '',
      chance.one([...this.#written]),
      'nonsense',
    ]);
    values.set(name, { text, goneAt: at + 20_000 });
  }

  raise(process: 0 | 1, at: number, head: Head): void {
    const { heads, head: before } = this.processes[process];
    if (before?.epoch === head.epoch && before.number >= head.number) return;
    heads.push({ at, head });
  }

  /** What the scripts of the shared cache do, in the words of this model. */
  run(
    process: 0 | 1,
    at: number,
    script: RedisScript,
    keys: readonly string[],
    given: readonly unknown[],
  ): unknown {
    const { values } = this.processes[process];
    const [record = '', claim = ''] = keys;
    const standing = (name: string) => {
      const value = values.get(name);
      return value !== undefined && value.goneAt > at ? value : null;
    };
    const holder = String(given[0]);
    if (script.name === 'findRecord') {
      const found = standing(record);
      if (found !== null) return [found.text, Math.round(found.goneAt - at)];
      const claimed = standing(claim);
      if (claimed === null) values.set(claim, { text: holder, goneAt: at + Number(given[1]) });
      return claimed === null || claimed.text === holder ? 1 : 0;
    }
    if (script.name !== 'settleRecord') throw new Error(`no script ${script.name}`);
    if (given[1] !== '') this.#written.add(String(given[1]));
    if (given[1] !== '') values.set(record, { text: String(given[1]), goneAt: at + Number(given[2]) });
    if (standing(claim)?.text === holder) values.delete(claim);
    return 1;
  }
}
