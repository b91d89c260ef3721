import { standingOf } from '../../../src/core/key.ts';
import type { Seal } from '../../../src/core/seal.ts';
import type { Digest } from '../../../src/core/secret.ts';
import type { Grant, KeySource, Renewal, Renewals, Resolution } from '../../../src/core/wire.ts';
import { Knowledge } from '../../../src/proxy/keys/knowledge.ts';
import { KeyLookup } from '../../../src/proxy/keys/lookup.ts';
import { Member } from '../../../src/proxy/keys/member.ts';
import { SHARED_FOR_MS, SharedCache } from '../../../src/proxy/keys/shared-cache.ts';
import { Witness } from '../../../src/proxy/keys/witness.ts';
import type { RedisConnection } from '../../../src/runtime/redis/redis.ts';
import { FENCE_MS, STALE_MS, type KeyServiceModel } from './key-service-model.ts';
import type { RedisModel } from './redis-model.ts';
import { Spans, type Chance, type Process, type Simulation, type UnevenClock } from './simulation.ts';

export interface GateFaults {
  readonly stopped: Spans;
  readonly cutFromKeyService: Spans;
  /** Lookups go through. */
  readonly cutFromRenewals: Spans;
  readonly cutFromRedis: Spans;
  /** From when it speaks to the second Redis process. */
  readonly switchesAt: number;
  readonly clock: UnevenClock;
  /** Until when a message takes a second now and then, or five, and the process may stop in the middle of a call. */
  readonly slowUntil: number;
}

export interface GateParts {
  readonly id: string;
  readonly simulation: Simulation;
  readonly chance: Chance;
  readonly keyService: KeyServiceModel;
  readonly redis: RedisModel;
  readonly seal: Seal;
  readonly faults: GateFaults;
}

export type Told =
  | { readonly kind: 'served'; readonly stale: boolean }
  | { readonly kind: 'refused' }
  | { readonly kind: 'unavailable' };

/** The real parts of a gate in the simulated world; only the wires are made up. */
export class GateModel implements Process, KeySource, Renewals {
  readonly #parts: GateParts;
  readonly id: string;
  readonly knowledge: Knowledge;
  readonly member: Member;
  readonly #keys: KeyLookup;
  readonly #stopsInCalls = new Spans();

  constructor(parts: GateParts) {
    this.#parts = parts;
    this.id = parts.id;
    const { id, seal, simulation } = parts;
    const { clock } = parts.faults;
    const knowledge = new Knowledge({ clock, fenceMs: FENCE_MS, staleIfErrorMs: STALE_MS });
    const redis = this.#connection();
    const witness = new Witness({
      isUp: () => redis.isUp,
      read: () => this.#redisCall(() => this.#reading()),
      knowledge,
      clock,
      asked: () => undefined,
    });
    const member = new Member({
      settle: async () => undefined,
      id,
      renewals: this,
      news: () => () => undefined,
      knowledge,
      witness,
      staleIfErrorMs: STALE_MS,
      clock,
      events: { renewed: () => undefined, applied: () => undefined },
    });
    this.knowledge = knowledge;
    this.member = member;
    this.#keys = new KeyLookup({
      source: this,
      knowledge,
      member,
      shared: new SharedCache({ redis, seal, knowledge, clock, member: id, keepMs: SHARED_FOR_MS }),
      clock,
      events: { answered: () => undefined, took: () => undefined, coalesced: () => undefined },
      cacheSize: 100,
      freshForMs: 10_000,
      negativeForMs: 5000,
      early: parts.chance.between(0.7, 0.9),
    });
    simulation.as(this, () => void member.start());
  }

  wakesAt(at: number): number {
    const { faults, chance } = this.#parts;
    const wakesAt = Math.max(faults.stopped.endAt(at), this.#stopsInCalls.endAt(at));
    // What has waited comes in any order.
    return wakesAt > at ? wakesAt + chance.between(0, 1) : at;
  }

  /** A request as the pipeline treats it: look the key up, then connect, then ask once more. */
  async request(digest: Digest, mayBeStale: boolean): Promise<Told> {
    const { simulation, chance } = this.#parts;
    for (let attempt = 1; attempt <= 3; attempt++) {
      const lookup =
        this.#keys.cached(digest, mayBeStale) ??
        (await this.#keys.recall(digest, mayBeStale)) ??
        (await this.#keys.ask(digest, mayBeStale));
      if (lookup.kind === 'unavailable') return { kind: 'unavailable' };
      if (lookup.kind === 'unknown') return { kind: 'refused' };
      if (standingOf(lookup.record, this.knowledge.now()) !== 'active') return { kind: 'refused' };
      if (chance.is(0.5)) await simulation.pause(chance.between(0, 100));
      const judged = this.knowledge.judge(lookup.answer, mayBeStale);
      if (judged === 'certain' || judged === 'confirmed')
        return { kind: 'served', stale: judged === 'confirmed' };
    }
    return { kind: 'unavailable' };
  }

  resolve(digest: Digest): Promise<Resolution> {
    const { keyService, faults } = this.#parts;
    return this.#call(this.#keyServiceWire(faults.cutFromKeyService), (answer) => {
      answer(keyService.resolve(digest));
    });
  }

  renew(member: string, renewal: Renewal): Promise<Grant> {
    const { keyService, faults } = this.#parts;
    return this.#call(this.#keyServiceWire(faults.cutFromKeyService, faults.cutFromRenewals), (answer) =>
      keyService.renew(member, renewal, answer),
    );
  }

  #keyServiceWire(...cuts: readonly Spans[]): () => boolean {
    const { simulation, keyService } = this.#parts;
    return () => keyService.isDown || cuts.some((cut) => cut.has(simulation.now));
  }

  /** There and back, each way as long as it takes; what is lost on the way is never answered. */
  #call<T>(isCut: () => boolean, ask: (answer: (value: T) => void) => void): Promise<T> {
    const { simulation, chance } = this.#parts;
    this.#mayStop();
    return new Promise((resolve, reject) => {
      if (isCut()) {
        if (chance.is(0.5)) reject(new Error('refused'));
        return;
      }
      simulation.at(simulation.now + this.#delay(), () => {
        if (isCut()) return;
        ask((value) => {
          simulation.at(simulation.now + this.#delay(), () => !isCut() && resolve(value), this);
        });
      });
    });
  }

  #redisCall<T>(ask: () => T): Promise<T> {
    const { simulation, faults } = this.#parts;
    const called = this.#call<T>(
      () => faults.cutFromRedis.has(simulation.now),
      (answer) => answer(ask()),
    );
    const late = new Promise<never>((_, reject) => {
      simulation.at(simulation.now + 100, () => reject(new Error('no answer')), this);
    });
    return Promise.race([called, late]);
  }

  /** Now and then a process stops while it waits. */
  #mayStop(): void {
    const { simulation, chance, faults } = this.#parts;
    const { now } = simulation;
    if (now > faults.slowUntil - 8000 || !chance.is(0.01)) return;
    const from = now + chance.between(0, 20);
    this.#stopsInCalls.add(from, from + chance.between(500, 7000));
  }

  get #process(): 0 | 1 {
    return this.#parts.simulation.now < this.#parts.faults.switchesAt ? 0 : 1;
  }

  #reading() {
    const { run, head } = this.#parts.redis.processes[this.#process];
    return { run, head };
  }

  #connection(): RedisConnection {
    const { redis, simulation } = this.#parts;
    const notHere = (): Promise<never> => Promise.reject(new Error('not here'));
    return {
      isUp: true,
      isCluster: false,
      get: notHere,
      set: notHere,
      publish: notHere,
      run: (script, keys, given) =>
        this.#redisCall(() => redis.run(this.#process, simulation.now, script, keys, given)),
      close: () => Promise.resolve(),
    };
  }

  #delay(): number {
    const { simulation, chance, faults } = this.#parts;
    if (simulation.now >= faults.slowUntil || chance.is(0.9)) return chance.between(0.5, 20);
    return chance.is(0.7) ? chance.between(20, 1000) : chance.between(1000, 5000);
  }
}
