import { setTimeout as pause } from 'node:timers/promises';
import type { RedisServer } from '../../../test/support/redis-servers.ts';
import type { Fleet, Gate, KeyServiceProcess } from '../fleet.ts';
import type { Program } from '../program.ts';
import type { Random } from '../random.ts';
import type { Relay } from '../relay.ts';
import type { Weather } from './weather.ts';

/** How likely each fault is. */
const WEIGHTS = {
  freezeGate: 4,
  cutKeyService: 3,
  cutRedis: 3,
  cutBoth: 3,
  slowAnswers: 2,
  killKeyService: 4,
  killAllKeyServices: 2,
  freezeKeyService: 2,
  restartRedis: 3,
};
export type Fault = keyof typeof WEIGHTS;

export interface ChaosOptions {
  readonly fleet: Fleet;
  readonly redis: RedisServer;
  readonly random: Random;
  readonly weather: Weather;
}

/** Some calm is long enough for everybody to recover, some is not. */
const CALM_MS = [300, 7000] as const;

/** Faults one after another, now and then two at once, with calm between. */
export class Chaos {
  readonly #options: ChaosOptions;
  /** Processes that a fault has in hand. */
  readonly #taken = new Set<Program>();
  #running: Promise<void> = Promise.resolve();
  #stopped = false;
  /** What was done, and how often. */
  readonly counts = new Map<Fault, number>();

  constructor(options: ChaosOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running = this.#run();
    this.#running.catch(() => undefined);
  }

  /** Resolves when all is there again. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    const { random } = this.#options;
    while (!this.#stopped) {
      // Two of a kind would only get into each other's way.
      const faults = new Set(random.chance(0.25) ? [this.#draw(), this.#draw()] : [this.#draw()]);
      await Promise.all([...faults].map((fault) => this.#cause(fault)));
      const calmMs = random.between(...CALM_MS);
      for (let waitedMs = 0; waitedMs < calmMs && !this.#stopped; waitedMs += 100) await pause(100);
    }
  }

  #draw(): Fault {
    return this.#options.random.weighted(WEIGHTS);
  }

  #cause(fault: Fault): Promise<void> {
    const { fleet, random } = this.#options;
    this.counts.set(fault, (this.counts.get(fault) ?? 0) + 1);
    const gate = random.oneOf(fleet.gates);
    switch (fault) {
      case 'freezeGate':
        return this.#freeze(gate.program, 'a gate is stopped', gate.program.name);
      case 'cutKeyService':
        return this.#cut(gate, [gate.toKeyService]);
      case 'cutRedis':
        return this.#cut(gate, [gate.toRedis]);
      case 'cutBoth':
        return this.#cut(gate, [gate.toKeyService, gate.toRedis]);
      case 'slowAnswers':
        return this.#slow(gate);
      case 'killKeyService':
        return this.#kill([random.oneOf(fleet.keyServices)]);
      case 'killAllKeyServices':
        return this.#kill(fleet.keyServices);
      case 'freezeKeyService':
        return this.#freeze(random.oneOf(fleet.keyServices).program, 'a key service is stopped', null);
      case 'restartRedis':
        return this.#restartRedis();
    }
  }

  /** Stopped, it does nothing; when it wakes up it goes on in the middle of what it was doing. */
  async #freeze(program: Program, what: string, gate: string | null): Promise<void> {
    if (this.#taken.has(program)) return;
    this.#taken.add(program);
    const over = this.#options.weather.disturb(what, gate);
    program.freeze();
    await pause(this.#options.random.between(200, 5000));
    program.thaw();
    over();
    this.#taken.delete(program);
  }

  async #cut({ program }: Gate, relays: readonly (Relay | null)[]): Promise<void> {
    const healthy = relays.filter((relay) => relay !== null && !relay.isCut) as Relay[];
    const over = this.#options.weather.disturb(`${healthy.length} relays are cut`, program.name);
    for (const relay of healthy) relay.cut();
    await pause(this.#options.random.between(200, 7000));
    for (const relay of healthy) relay.heal();
    over();
  }

  async #slow({ program, toKeyService }: Gate): Promise<void> {
    const { random, weather } = this.#options;
    const over = weather.disturb('answers of the key service are late', program.name);
    const mostMs = random.between(100, 3000);
    toKeyService?.delayAnswers(() => random.between(0, mostMs));
    await pause(random.between(1000, 6000));
    toKeyService?.delayAnswers(null);
    over();
  }

  async #kill(victims: readonly KeyServiceProcess[]): Promise<void> {
    const { random, weather } = this.#options;
    const programs = victims.map(({ program }) => program).filter((program) => !this.#taken.has(program));
    for (const program of programs) this.#taken.add(program);
    const over = weather.disturb(`${programs.length} key services are killed`, null);
    await Promise.all(programs.map((program) => program.kill()));
    await pause(random.between(0, 3000));
    await Promise.all(programs.map((program) => program.start()));
    over();
    for (const program of programs) this.#taken.delete(program);
  }

  /** What was written since the last save is lost, and it is another process. */
  async #restartRedis(): Promise<void> {
    const { redis, random, weather } = this.#options;
    await redis.cli('SAVE');
    await pause(random.between(0, 2000));
    const over = weather.disturb('Redis is away, and its last writes', null, true);
    await redis.kill();
    await pause(random.between(0, 2000));
    await redis.start();
    over();
  }
}
