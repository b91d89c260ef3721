import type { Change, Grant } from '../../src/core/wire.ts';
import { Knowledge, type KnowledgeOptions } from '../../src/proxy/keys/knowledge.ts';
import { momentOf } from '../../src/proxy/keys/moment.ts';

export const FENCE_MS = 2000;

/** Knowledge that a test renews: what a key service would tell, without one. */
export class Renewed {
  readonly knowledge: Knowledge;
  readonly #options: KnowledgeOptions;
  #head = 0;
  epoch = 'e1';
  redisRun: string | null = 'run1';

  constructor(options: Pick<KnowledgeOptions, 'clock'> & Partial<KnowledgeOptions>) {
    this.#options = { fenceMs: FENCE_MS, staleIfErrorMs: 0, ...options };
    this.knowledge = new Knowledge(this.#options);
    this.renew();
  }

  get head(): number {
    return this.#head;
  }

  /** A renewal that tells of these changes, each by its names; the first has the next number. */
  renew(...changes: readonly Partial<Change>[]): void {
    const { clock, fenceMs } = this.#options;
    const told = changes.map((change) => ({
      number: ++this.#head,
      keyId: null,
      ownerId: null,
      digest: null,
      ...change,
    }));
    const grant: Grant = {
      epoch: this.epoch,
      head: this.#head,
      changes: told,
      fenceMs,
      now: clock.now(),
      redisRun: this.redisRun,
    };
    this.knowledge.learn(grant, momentOf(clock));
  }

  /** As after a restore: the numbers go on from there. */
  renewEpoch(epoch: string, head: number): void {
    this.epoch = epoch;
    this.#head = head;
    this.renew();
  }

  /** In place of a member: whoever finds what is known too old has it renewed. */
  readonly member = {
    refresh: (): Promise<void> => {
      this.renew();
      return Promise.resolve();
    },
  };
}
