import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { NoReply, type AdminApi, type Reply } from '../admin.ts';
import type { KeyServiceProcess } from '../fleet.ts';
import type { Random } from '../random.ts';
import type { Pending } from './fact.ts';
import type { Model, ModelKey, ModelOwner } from './model.ts';

export interface OperationsOptions {
  readonly model: Model;
  readonly random: Random;
  readonly keyServices: readonly KeyServiceProcess[];
  /** Told of what must not be. */
  wrong(what: string, key: ModelKey): void;
}

type Settling = Pick<Pending<unknown>, 'settle'>;

/** How likely each operation is. */
const WEIGHTS = {
  create: 4,
  announce: 2,
  import: 2,
  rotate: 2,
  expire: 1,
  unexpire: 1,
  tier: 2,
  disable: 1,
  enable: 2,
  revoke: 5,
};
export type Operation = keyof typeof WEIGHTS;

const TIERS = ['default', 'silver', 'gold'] as const;
const KEYS_MAX = 80;
const RETRY_MS = 100;
/** After this long a key that is over is no longer asked for. */
const REMEMBERED_MS = 40_000;

/** The management calls of the history: each one chosen at random, made, and written into the model. */
export class Operations {
  readonly #options: OperationsOptions;
  readonly #running: Promise<void>[] = [];
  #stopped = false;
  /** Calls made, by their name. */
  readonly counts = new Map<Operation, number>();
  /** How long revocations took that were answered 200. */
  readonly revokeMs: number[] = [];
  /** Revocations that were answered 202 with the instant of certainty. */
  uncertain = 0;

  constructor(options: OperationsOptions) {
    this.#options = options;
  }

  /** `parallel` callers, each making a call every `everyMs` on average. */
  start(parallel: number, everyMs: number): void {
    for (let i = 0; i < parallel; i++) {
      const caller = this.#caller(everyMs);
      // A defect of the caller is told by `stop`.
      caller.catch(() => undefined);
      this.#running.push(caller);
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#running);
  }

  async #caller(everyMs: number): Promise<void> {
    const { random } = this.#options;
    while (!this.#stopped) {
      await pause(random.between(0, 2 * everyMs));
      const name = random.weighted(WEIGHTS);
      if (await this.#perform(name)) this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
      this.#retire();
    }
  }

  /** False where there is nothing to do it with. */
  #perform(name: Operation): Promise<boolean> {
    const active = (key: ModelKey): boolean =>
      key.exists.latest && !key.revoked.latest && key.overAt === null;
    switch (name) {
      case 'create':
        return this.#withOwner((owner) => this.#create(owner));
      case 'announce':
        return this.#withOwner(async (owner) => this.#announce(owner));
      case 'import':
        return this.#withKey(
          (key) => !key.exists.latest,
          (key) => this.#import(key),
        );
      case 'rotate':
        return this.#withKey(
          (key) => active(key) && !key.replaced && key.expiresAt.latest === null,
          (key) => this.#rotate(key),
        );
      case 'expire':
        return this.#withKey(
          (key) => active(key) && key.expiresAt.latest === null,
          (key) => this.#patch(key, Math.round(Date.now() + this.#options.random.between(1500, 6000))),
        );
      case 'unexpire':
        return this.#withKey(
          (key) => active(key) && key.expiresAt.latest !== null && !key.replaced,
          (key) => this.#patch(key, null),
        );
      case 'tier':
        return this.#withOwner((owner) => this.#put(owner, { tier: this.#options.random.oneOf(TIERS) }));
      case 'disable':
        return this.#withOwner((owner) => this.#put(owner, { enabled: false }));
      case 'enable':
        return this.#withOwner((owner) => this.#put(owner, { enabled: true }));
      case 'revoke':
        return this.#withKey(active, (key) => this.#revoke(key));
    }
  }

  async #withOwner(work: (owner: ModelOwner) => Promise<void>): Promise<boolean> {
    const free = this.#options.model.owners.filter(({ busy }) => !busy);
    if (free.length === 0) return false;
    const owner = this.#options.random.oneOf(free);
    owner.busy = true;
    await work(owner);
    owner.busy = false;
    return true;
  }

  async #withKey(is: (key: ModelKey) => boolean, work: (key: ModelKey) => Promise<void>): Promise<boolean> {
    const free = this.#options.model.keys.filter((key) => !key.busy && is(key));
    if (free.length === 0) return false;
    const key = this.#options.random.oneOf(free);
    key.busy = true;
    await work(key);
    key.busy = false;
    return true;
  }

  async #create(owner: ModelOwner): Promise<void> {
    if (this.#options.model.keys.length >= KEYS_MAX) return;
    const reply = await this.#once((admin) => admin.create(owner.id));
    if (reply?.status !== 201) return;
    this.#options.model.addKey(made(reply), owner);
  }

  /** A key that is used before it is there: gates learn that nobody has it. */
  async #announce(owner: ModelOwner): Promise<void> {
    if (this.#options.model.keys.length >= KEYS_MAX) return;
    const key = `foreign-${randomBytes(18).toString('hex')}`;
    this.#options.model.addKey({ keyId: `imported-${randomBytes(8).toString('hex')}`, key }, owner, false);
  }

  async #import(key: ModelKey): Promise<void> {
    const digest = createHash('sha256').update(key.key).digest('hex');
    const pending = key.exists.change(true, performance.now());
    await this.#until(pending, [201, 409], (admin) => admin.import(key.owner.id, digest, key.keyId));
  }

  async #patch(key: ModelKey, expiresAt: number | null): Promise<void> {
    const pending = key.expiresAt.change(expiresAt, performance.now());
    const text = expiresAt === null ? null : new Date(expiresAt).toISOString();
    const settled = await this.#until(pending, [200], (admin) =>
      admin.patch(key.keyId, { expires_at: text }),
    );
    // An instant that has passed while the key service was away is refused; then what was before may hold, too.
    if (!settled) await this.#giveUp(key);
  }

  async #put(owner: ModelOwner, change: { tier?: string; enabled?: boolean }): Promise<void> {
    const begunAt = performance.now();
    const pending: Settling[] = [];
    const { tier = owner.tier.latest, enabled = owner.enabled.latest } = change;
    if (tier !== owner.tier.latest) pending.push(owner.tier.change(tier, begunAt));
    if (enabled !== owner.enabled.latest) pending.push(owner.enabled.change(enabled, begunAt));
    const both: Settling = { settle: (at) => pending.forEach((one) => one.settle(at)) };
    await this.#until(both, [200], (admin) =>
      admin.putOwner(owner.id, { profile: 'standard', tier, enabled }),
    );
  }

  async #rotate(key: ModelKey): Promise<void> {
    const { model, random } = this.#options;
    const begunAt = performance.now();
    key.replaced = true;
    // Until it is known when the old key ends it may have ended.
    const end = key.expiresAt.change(0, begunAt);
    const reply = await this.#once((admin) => admin.rotate(key.keyId, `${1 + random.below(4)}s`));
    if (reply?.status !== 201) return this.#giveUp(key);
    model.addKey(made(reply), key.owner);
    end.become(Date.parse(String(reply.body['old_expires_at'])));
    end.settle(model.settledBy({ ...reply, sure: true }));
  }

  async #revoke(key: ModelKey): Promise<void> {
    const pending = key.revoked.change(true, performance.now());
    for (;;) {
      const reply = await this.#once((admin) => admin.revoke(key.keyId));
      if (reply?.status === 200) {
        pending.settle(reply.endedAt);
        this.revokeMs.push(reply.endedAt - reply.begunAt);
        break;
      }
      if (reply?.status === 202) {
        const certainAt = Date.parse(String(reply.body['certain_at']));
        if (Number.isNaN(certainAt)) this.#options.wrong('202 without certain_at', key);
        pending.settle(certainAt - performance.timeOrigin);
        this.uncertain++;
        break;
      }
      if (reply !== null && reply.status < 500) this.#options.wrong(`DELETE answers ${reply.status}`, key);
      await pause(RETRY_MS);
    }
    key.overAt = performance.now();
  }

  /** Nothing is certain of it any more but that it will be revoked. */
  #giveUp(key: ModelKey): Promise<void> {
    return this.#revoke(key);
  }

  /** A call is repeated until it is answered. With one of these it settles, else false. */
  async #until(
    pending: Settling,
    good: readonly number[],
    call: (admin: AdminApi) => Promise<Reply>,
  ): Promise<boolean> {
    for (let sure = true; ; sure = false) {
      const reply = await this.#once(call);
      if (reply !== null && good.includes(reply.status)) {
        pending.settle(this.#options.model.settledBy({ ...reply, sure }));
        return true;
      }
      if (reply !== null && reply.status < 500) return false;
      await pause(RETRY_MS);
    }
  }

  /** Null where no answer came. */
  async #once(call: (admin: AdminApi) => Promise<Reply>): Promise<Reply | null> {
    const { keyServices, random } = this.#options;
    const running = keyServices.filter(({ program }) => program.isRunning);
    try {
      return await call(random.oneOf(running.length > 0 ? running : keyServices).admin);
    } catch (error) {
      if (!(error instanceof NoReply)) throw error;
      return null;
    }
  }

  #retire(): void {
    const { model } = this.#options;
    const now = performance.now();
    const past = model.keys.filter(({ overAt }) => overAt !== null && now - overAt > REMEMBERED_MS);
    for (const key of past) model.forget(key);
  }
}

function made({ body }: Reply): { keyId: string; key: string } {
  return { keyId: String(body['key_id']), key: String(body['key']) };
}
