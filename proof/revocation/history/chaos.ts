import { setTimeout as pause } from 'node:timers/promises';
import type { RedisServer } from '../../../test/support/redis-servers.ts';
import type { Fleet, Gate, KeyServiceProcess } from '../fleet.ts';
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

/** A gate needs a moment to notice that it has no time any more. */
const CALM_MS = [300, 7000] as const;

/** Faults one after another, now and then two at once, with calm between. */
export class Chaos {
  readonly #options: ChaosOptions;
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
      const faults = random.chance(0.25) ? [this.#draw(), this.#draw()] : [this.#draw()];
      await Promise.all(faults.map((fault) => this.#cause(fault)));
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
        return this.#freeze(gate);
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
        return this.#freezeKeyService(random.oneOf(fleet.keyServices));
      case 'restartRedis':
        return this.#restartRedis();
    }
  }

  async #freeze({ program }: Gate): Promise<void> {
    if (program.isFrozen) return;
    const over = this.#options.weather.disturb('a gate is stopped', program.name);
    program.freeze();
    await pause(this.#options.random.between(200, 5000));
    program.thaw();
    over();
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
    const running = victims.filter(({ program }) => program.isRunning && !program.isFrozen);
    const over = weather.disturb(`${running.length} key services are killed`, null);
    await Promise.all(running.map(({ program }) => program.kill()));
    await pause(random.between(0, 3000));
    await Promise.all(running.map(({ program }) => program.start()));
    over();
  }

  /** It wakes up in the middle of what it was doing, long after others have gone on. */
  async #freezeKeyService({ program }: KeyServiceProcess): Promise<void> {
    if (program.isFrozen || !program.isRunning) return;
    const over = this.#options.weather.disturb('a key service is stopped', null);
    program.freeze();
    await pause(this.#options.random.between(200, 4000));
    program.thaw();
    over();
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
