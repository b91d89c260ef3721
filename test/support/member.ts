import { randomUUID } from 'node:crypto';
import type { Change, Grant, News, Renewals } from '../../src/core/wire.ts';

export interface TestMemberOptions {
  readonly id?: string;
  readonly staleIfErrorMs?: number;
  /** What wakes it between its renewals. */
  readonly news?: News;
}

/** A member of the fleet that only listens: it renews, keeps what it is told and acknowledges it. */
export class TestMember {
  readonly id: string;
  readonly #renewals: Renewals;
  readonly #staleIfErrorMs: number;
  #changes: Change[] = [];
  #epoch: string | null = null;
  #applied = 0;
  #isSilent = false;
  #renewing: Promise<void> | null = null;
  #again = false;
  #timer: NodeJS.Timeout | undefined;
  readonly #endNews: () => void;
  #last: Grant | null = null;

  private constructor(renewals: Renewals, { id, staleIfErrorMs = 0, news }: TestMemberOptions) {
    this.id = id ?? randomUUID();
    this.#renewals = renewals;
    this.#staleIfErrorMs = staleIfErrorMs;
    this.#endNews = news?.(() => void this.renew().catch(() => undefined)) ?? (() => undefined);
  }

  /** Resolves when it knows all there is to know and has said so. */
  static async join(renewals: Renewals, options: TestMemberOptions = {}): Promise<TestMember> {
    const member = new TestMember(renewals, options);
    await member.renew();
    const { fenceMs } = member.grant;
    member.#timer = setInterval(() => void member.renew().catch(() => undefined), fenceMs / 4);
    member.#timer.unref();
    return member;
  }

  /** The changes it was told of in this epoch, in the order it was told. */
  get changes(): readonly Change[] {
    return this.#changes;
  }

  get applied(): number {
    return this.#applied;
  }

  /** The answer it had last. */
  get grant(): Grant {
    if (this.#last === null) throw new Error('the member has had no answer yet');
    return this.#last;
  }

  /** As one that is stopped or cut off: it asks nothing until it is to go on. */
  silence(): void {
    this.#isSilent = true;
  }

  goOn(): void {
    this.#isSilent = false;
  }

  /** Renews until it has acknowledged all it was told. */
  async renew(): Promise<void> {
    this.#again = true;
    this.#renewing ??= this.#renewAll().finally(() => {
      this.#renewing = null;
    });
    await this.#renewing;
  }

  async leave(): Promise<void> {
    this.stop();
    await this.#renewing;
    await this.#ask(true);
  }

  /** As a process that dies: it does not say so. */
  stop(): void {
    this.#isSilent = true;
    clearInterval(this.#timer);
    this.#endNews();
  }

  async #renewAll(): Promise<void> {
    while (this.#again && !this.#isSilent) {
      this.#again = false;
      const { epoch, changes, head } = await this.#ask(false);
      if (epoch !== this.#epoch) this.#changes = [];
      this.#again ||= epoch !== this.#epoch || changes.length > 0;
      this.#epoch = epoch;
      this.#changes.push(...changes);
      this.#applied = changes.at(-1)?.number ?? head;
    }
  }

  async #ask(leaving: boolean): Promise<Grant> {
    const renewal = {
      epoch: this.#epoch,
      applied: this.#applied,
      staleIfErrorMs: this.#staleIfErrorMs,
      leaving,
    };
    const grant = await this.#renewals.renew(this.id, renewal, new AbortController().signal);
    if (grant === null) throw new Error('the key service offers no renewals');
    this.#last = grant;
    return grant;
  }
}
