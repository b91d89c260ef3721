import type { Seal } from '../../../src/core/seal.ts';
import { digestOf } from '../../../src/core/secret.ts';
import { GateModel, type Told } from './gate-model.ts';
import { KeyServiceModel } from './key-service-model.ts';
import { RedisModel } from './redis-model.ts';
import { Chance, Simulation, Spans, UnevenClock } from './simulation.ts';

const FAULTS_END_MS = 32_000;
/** By then all has come to rest, and every request must be answered. */
const QUIET_FROM_MS = 40_000;
const END_MS = 44_000;
const DIGESTS = Array.from({ length: 6 }, (_, i) => digestOf(`key ${i}`));

export interface Outcome {
  requests: number;
  served: number;
  /** Of those, on the word of Redis alone. */
  stale: number;
  revoked: number;
  /** Revocations that were answered as certain. */
  returned: number;
  /** Of those, without an acknowledgement of each gate. */
  fenced: number;
  /** Each with what went wrong. */
  readonly wrong: string[];
}

/**
 * Three gates, a key service and a Redis in simulated time: half a minute in which processes stop and wake, wires are
 * cut, messages are slow, Redis is replaced by one that lacks the last writes and is written to by somebody who may
 * not, the store loses changes, clocks step, and keys are renamed and revoked; and some seconds more. Without faults
 * keys are renamed and revoked, and that is all.
 */
export class Story {
  readonly outcome: Outcome = {
    requests: 0,
    served: 0,
    stale: 0,
    revoked: 0,
    returned: 0,
    fenced: 0,
    wrong: [],
  };
  readonly #simulation: Simulation;
  readonly #seal: Seal;
  readonly #chance: Chance;
  readonly #withFaults: boolean;
  readonly #redis: RedisModel;
  readonly #keyService: KeyServiceModel;
  readonly #failsOverAt: number;
  /** When something begins to fail, which is when it matters what changes. */
  readonly #turns: number[] = [];
  /** When each gate has first refused a key. */
  readonly #refusedAt = new Map<string, number>();

  constructor(simulation: Simulation, seal: Seal, seed: number, withFaults: boolean) {
    const chance = new Chance(seed);
    this.#simulation = simulation;
    this.#seal = seal;
    this.#chance = chance;
    this.#withFaults = withFaults;
    this.#redis = new RedisModel();
    this.#failsOverAt = withFaults && chance.is(0.5) ? this.#turn() : Infinity;
    const lagMs = chance.between(0, 1500);
    if (this.#failsOverAt < Infinity) {
      simulation.at(this.#failsOverAt, () => this.#redis.failOver(this.#failsOverAt, lagMs));
    }
    const faults = {
      down: this.#span(0.4, 18_000),
      cutFromRedis: this.#span(0.3, 20_000),
      switchesAt: this.#failsOverAt + chance.between(0, 8000),
      newEpochAt: withFaults && chance.is(0.3) ? this.#turn() : Infinity,
      keeps: chance.is(0.5) ? chance.one([0, 1, 2]) : 100,
    };
    this.#keyService = new KeyServiceModel({ simulation, chance, redis: this.#redis, faults }, DIGESTS);
  }

  async play(): Promise<Outcome> {
    const [simulation, chance, keyService] = [this.#simulation, this.#chance, this.#keyService];
    const gates = Array.from({ length: 3 }, (_, i) => this.#gate(`gate ${i}`));
    keyService.publish = () => {
      for (const gate of gates) if (chance.is(0.8)) this.#soon(() => gate.member.hear(), gate);
    };
    for (let at = 500; at < FAULTS_END_MS; at += chance.between(100, 3000)) {
      simulation.at(at, () => keyService.rename(chance.one([...DIGESTS.keys()])));
    }
    for (const index of DIGESTS.keys()) {
      const turn = this.#turns.length > 0 && chance.is(0.6) ? chance.one(this.#turns) : null;
      const at = turn === null ? chance.between(4000, 28_000) : turn + chance.between(-300, 2500);
      simulation.at(at, () => keyService.revoke(index));
    }
    for (const gate of gates) {
      for (let at = 1; at < END_MS; at += chance.between(10, 400)) this.#request(gate, at);
    }
    const tampersUntil = this.#withFaults && chance.is(0.4) ? FAULTS_END_MS : 0;
    for (let at = 3000; at < tampersUntil; at += chance.between(50, 1000)) {
      simulation.at(at, () => this.#redis.tamper(simulation.now, chance));
    }
    await simulation.runUntil(END_MS + 5000);
    this.outcome.revoked = keyService.keys.filter((key) => key.revokedAt !== null).length;
    this.outcome.returned = keyService.keys.filter((key) => key.returnedAt !== null).length;
    this.outcome.fenced = keyService.fenced;
    return this.outcome;
  }

  #request(gate: GateModel, began: number): void {
    const key = this.#chance.one(this.#keyService.keys);
    const mayBeStale = this.#chance.is(0.8);
    const go = async (): Promise<void> => {
      this.outcome.requests++;
      const told = await gate.request(key.digest, mayBeStale);
      const what = this.#whatIsWrong(told, key, gate.id, began, mayBeStale);
      if (what !== null) this.outcome.wrong.push(`${what}: ${key.record.keyId} at ${this.#simulation.now}`);
    };
    this.#simulation.at(began, () => void this.#simulation.as(gate, go), gate);
  }

  #whatIsWrong(
    told: Told,
    key: KeyServiceModel['keys'][number],
    gate: string,
    began: number,
    mayBeStale: boolean,
  ): string | null {
    const refusal = `${gate} ${key.record.keyId}`;
    if (told.kind === 'refused') {
      if (!this.#refusedAt.has(refusal)) this.#refusedAt.set(refusal, this.#simulation.now);
      return key.revokedAt === null ? 'a good key is refused' : null;
    }
    if (told.kind === 'unavailable') {
      const isQuiet = !this.#withFaults || began > QUIET_FROM_MS;
      return isQuiet ? 'nobody is asked though all are there' : null;
    }
    this.outcome.served++;
    if (told.stale) this.outcome.stale++;
    if (key.returnedAt !== null) return `served, revoked for good at ${key.returnedAt}`;
    if (began > (this.#refusedAt.get(refusal) ?? Infinity)) return 'served after it was refused';
    return told.stale && !mayBeStale ? 'stale where nothing may be' : null;
  }

  #gate(id: string): GateModel {
    const [simulation, chance] = [this.#simulation, this.#chance];
    const stopped = this.#span(0.4, 12_000);
    const hasStep = this.#withFaults && chance.is(0.3);
    const clock = new UnevenClock(simulation, {
      rate: chance.between(0.95, 1.05),
      step: hasStep ? { at: this.#turn(), byMs: chance.between(-20_000, 20_000) } : { at: Infinity, byMs: 0 },
      // A machine that sleeps; its wall clock goes on.
      suspended: !hasStep && chance.is(0.5) ? stopped : new Spans(),
    });
    return new GateModel({
      id,
      simulation,
      chance,
      keyService: this.#keyService,
      redis: this.#redis,
      seal: this.#seal,
      faults: {
        stopped,
        cutFromKeyService: this.#span(0.4, 25_000),
        cutFromRenewals: this.#span(0.2, 25_000),
        cutFromRedis: this.#span(0.4, 25_000),
        switchesAt: chance.is(0.3) ? Infinity : this.#failsOverAt + chance.between(0, 6000),
        clock,
        slowUntil: this.#withFaults ? FAULTS_END_MS : 0,
      },
    });
  }

  /** Often at a time at which something else fails, too. */
  #turn(): number {
    const chance = this.#chance;
    const other = this.#turns.length > 0 && chance.is(0.6) ? chance.one(this.#turns) : null;
    const at = other === null ? chance.between(2000, 25_000) : other + chance.between(0, 3000);
    this.#turns.push(at);
    return at;
  }

  #span(probability: number, longestMs: number): Spans {
    if (!this.#withFaults || !this.#chance.is(probability)) return new Spans();
    const from = this.#turn();
    const lasts = this.#chance.is(0.5)
      ? this.#chance.between(500, 6000)
      : this.#chance.between(500, longestMs);
    return new Spans([from, Math.min(from + lasts, FAULTS_END_MS)]);
  }

  #soon(what: () => void, gate: GateModel): void {
    const at = this.#simulation.now + this.#chance.between(0.5, 30);
    this.#simulation.at(at, () => this.#simulation.as(gate, what), gate);
  }
}
