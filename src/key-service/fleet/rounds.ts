import { setTimeout as pause } from 'node:timers/promises';
import type { KeyServiceLog } from '../log.ts';
import type { Fleet, FleetState } from '../store/fleet.ts';
import type { Announcer, HeadInRedis } from './announcer.ts';
import { within } from './deadline.ts';
import type { FleetWatch } from './fleet-watch.ts';

export interface RoundsOptions {
  readonly store: Fleet;
  readonly watch: FleetWatch;
  readonly announcer: Announcer;
  readonly everyMs: number;
  /** Called with the number of members. */
  readonly counted: (members: number) => void;
  readonly log: KeyServiceLog | null;
}

const DEADLINE_MS = 1000;

/**
 * What every process of the key service does again and again, whether or not there are others: it compares store and
 * Redis, and lets go of what has been so for long enough by its own watch.
 */
export class Rounds {
  readonly #options: RoundsOptions;
  #ended = new AbortController();
  #going: Promise<void> | null = null;
  #isFailing = false;

  constructor(options: RoundsOptions) {
    this.#options = options;
  }

  /** Rejects where the first round fails; no other follows then. */
  async start(): Promise<void> {
    await this.#round();
    if (this.#going !== null) return;
    this.#ended = new AbortController();
    this.#going = this.#go(this.#ended.signal);
  }

  async stop(): Promise<void> {
    this.#ended.abort();
    await this.#going;
    this.#going = null;
  }

  async #go(signal: AbortSignal): Promise<void> {
    for (;;) {
      try {
        await pause(this.#options.everyMs, undefined, { signal, ref: false });
      } catch {
        return;
      }
      await this.#tryRound();
    }
  }

  async #tryRound(): Promise<void> {
    const { log } = this.#options;
    try {
      await this.#round();
      if (this.#isFailing) log?.info({}, 'the key service sees its members again');
      this.#isFailing = false;
    } catch (error) {
      const detail = error instanceof Error ? error.message : 'unknown error';
      if (!this.#isFailing) log?.error({ detail }, 'the key service does not see its members');
      this.#isFailing = true;
    }
  }

  async #round(): Promise<void> {
    const { watch, announcer, counted } = this.#options;
    // Redis first: a head of it that the store's, read later, does not reach is one that the store has lost.
    const found = await announcer.look();
    if (found !== null && found.head !== null) watch.expect(found.head);
    const state = await watch.read();
    counted(state.members.length);
    await this.#nameRedis(found, state);
    if (found !== null) await this.#repairHead(found, state);
    await this.#letGo(state);
  }

  /** One that does not answer stays the one named: members may still reach it. */
  async #nameRedis(found: HeadInRedis | null, { redisRun }: FleetState): Promise<void> {
    const { store, announcer, log } = this.#options;
    if (announcer.hasRedis && found === null) return;
    const run = found?.run ?? null;
    if (run === redisRun) return;
    await within(DEADLINE_MS, 'the store', store.nameRedis(run));
    log?.info({ detail: run ?? 'none' }, 'another Redis process is named to the gates');
  }

  async #repairHead({ head }: HeadInRedis, state: FleetState): Promise<void> {
    if (head?.epoch === state.epoch && head.number >= state.head) return;
    await this.#options.announcer.announce({ epoch: state.epoch, number: state.head });
  }

  async #letGo(state: FleetState): Promise<void> {
    const { store, watch, log } = this.#options;
    const naming = watch.settledNaming(state);
    if (naming !== null) await within(DEADLINE_MS, 'the store', store.settleRedis(naming));
    const lapsed = watch.lapsed(state);
    if (lapsed.length === 0) return;
    await within(DEADLINE_MS, 'the store', store.removeMembers(lapsed));
    log?.info({ detail: lapsed.map(({ id }) => id).join(', ') }, 'gates that are not heard of are forgotten');
  }
}
