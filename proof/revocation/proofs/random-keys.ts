import { randomBytes } from 'node:crypto';
import { composeKey, KEY_PREFIXES } from '../../../src/core/key-shape.ts';
import { startRedis } from '../../../test/support/redis-servers.ts';
import { makeKey } from '../admin.ts';
import { Connection, ConnectionLost, requestWith } from '../connection.ts';
import { Fleet, type Gate } from '../fleet.ts';
import { percentile } from '../percentile.ts';
import type { Findings, Proof, Stage } from '../proof.ts';
import type { Random } from '../random.ts';
import { mustBeOnly, Watch } from '../watch.ts';

const CONNECTIONS = 48;
/** Keys sent from one address before the next is taken. */
const PER_ADDRESS = 40;
/** What an address may fail before it is slowed down, and lookups per second from there on. */
const FAILURES = 10;
const COLD_PER_SECOND = 5;
/** While the bounded memories are filled: of 20,000 addresses that are remembered, each with a refusal for it. */
const PER_ADDRESS_FILLING = 12;
/** What the chart gives a sidecar: 60 % of 256 MiB. */
const HEAP_MIB = 154;
const GROWTH_BYTES = 64 * 1024 * 1024;

/** Random keys at full speed from thousands of addresses cost bounded memory and bounded calls, and nobody his answers. */
export const randomKeys: Proof = {
  name: 'random-keys',
  async run(stage, findings) {
    const redis = await startRedis();
    stage.atEnd(() => redis.stop());
    const fleet = await Fleet.start(stage, {
      gates: 1,
      redis: redis.port,
      proxy: { failedAuthentication: `${FAILURES}/15m` },
      gateHeapMiB: HEAP_MIB,
    });
    const gate = fleet.gates[0] as Gate;
    await fleet.admin.putOwner('owner', { profile: 'standard', tier: 'default' });
    const { key } = await makeKey(fleet.admin, 'owner');
    await fleet.warm(key);
    const idle = await fleet.scrape(gate);
    // What the runtime takes under any load is no growth by random keys.
    const valid = new Flood(gate, stage, PER_ADDRESS, key);
    await valid.run(stage.quick ? 15_000 : 250_000);
    mustBeOnly(findings, valid.statuses, [200], 'the valid key at full speed');
    const busy = await fleet.scrape(gate);
    // By then every bounded memory is full, and every kind of answer has been given once.
    await new Flood(gate, stage, PER_ADDRESS_FILLING).run(stage.quick ? 15_000 : 250_000);
    const before = await fleet.scrape(gate);

    const watch = new Watch([gate], key);
    const flood = new Flood(gate, stage);
    const memory: number[] = [];
    const startedAt = performance.now();
    const timer = setInterval(() => {
      void fleet.scrape(gate).then(({ residentBytes }) => memory.push(residentBytes));
    }, 1000);
    await flood.run(stage.quick ? 50_000 : 2_000_000);
    clearInterval(timer);
    const seconds = (performance.now() - startedAt) / 1000;
    await watch.stop();
    const after = await fleet.scrape(gate);

    judge(findings, { watch, flood });
    const calls = after.keyServiceCalls - before.keyServiceCalls;
    findings.must(calls <= flood.callsAllowed, `${calls} key-service calls, more than ${flood.callsAllowed}`);
    const most = Math.max(...memory, after.residentBytes);
    const growth = most - busy.residentBytes;
    const mib = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(0)} MiB`;
    findings.must(growth < GROWTH_BYTES, `memory grew by ${mib(growth)} over ${mib(busy.residentBytes)}`);
    findings.must(
      after.seriesCount === before.seriesCount,
      `${before.seriesCount} series before, ${after.seriesCount} after`,
    );
    findings.note(`${flood.sent} random keys from ${flood.addresses} addresses in ${seconds.toFixed(0)} s`);
    findings.note(
      `memory ${mib(idle.residentBytes)} idle, ${mib(busy.residentBytes)} with one key at full speed, ${mib(before.residentBytes)} when its bounds were full of random ones, at most ${mib(most)} (less than ${mib(GROWTH_BYTES)} more than with one key)`,
    );
    findings.note(`${after.seriesCount} series before and after`);
    findings.note(`${calls} key-service calls (at most ${flood.callsAllowed})`);
  },
};

function judge(findings: Findings, { watch, flood }: { readonly watch: Watch; readonly flood: Flood }): void {
  for (const [status, count] of flood.statuses) {
    const told = `${count} random keys were answered ${status}`;
    findings.must([401, 429, 503].includes(status), told);
    findings.inTime(status !== 503, told);
  }
  const valid = watch.between(0, Infinity);
  mustBeOnly(findings, watch.statuses(0, Infinity), [200], 'a valid key');
  const latencies = valid.map(({ begunAt, endedAt }) => endedAt - begunAt);
  findings.note(`a valid key: ${valid.length} answers, p99 ${percentile(latencies, 0.99).toFixed(0)} ms`);
}

class Flood {
  readonly #gate: Gate;
  readonly #random: Random;
  readonly statuses = new Map<number, number>();
  readonly #perAddress: number;
  readonly #only: string | null;
  #left = 0;
  sent = 0;
  addresses = 0;
  /** How many questions to the key service the allowances of the addresses permit. */
  callsAllowed = 0;

  /** With `key`, that one is sent instead of random ones. */
  constructor(gate: Gate, { random }: Stage, perAddress = PER_ADDRESS, key: string | null = null) {
    this.#perAddress = perAddress;
    this.#only = key;
    this.#gate = gate;
    this.#random = random;
  }

  async run(keys: number): Promise<void> {
    this.#left = keys;
    await Promise.all(Array.from({ length: CONNECTIONS }, () => this.#line()));
  }

  async #line(): Promise<void> {
    while (this.#left > 0) await this.#fromOneAddress();
  }

  async #fromOneAddress(): Promise<void> {
    const connection = new Connection(this.#gate.port, this.#address());
    this.addresses++;
    const startedAt = performance.now();
    let asked = 0;
    try {
      for (; asked < this.#perAddress && this.#left > 0; asked++) {
        this.#left--;
        const { status } = await connection.ask(requestWith(this.#only ?? this.#key()));
        this.sent++;
        this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1);
      }
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error;
      this.statuses.set(0, (this.statuses.get(0) ?? 0) + 1);
    } finally {
      connection.close();
    }
    const seconds = (performance.now() - startedAt) / 1000;
    this.callsAllowed += Math.min(asked, FAILURES + Math.ceil((seconds + 1) * COLD_PER_SECOND));
  }

  /** Any of 127.0.0.0/8 but those the others use. */
  #address(): string {
    const part = (from: number): number => from + this.#random.below(256 - from - 1);
    return `127.${part(1)}.${part(0)}.${part(1)}`;
  }

  /** Of our own shape, of that shape with a wrong checksum, or anything. */
  #key(): string {
    const own = composeKey(KEY_PREFIXES.standard, randomBytes);
    const shape = this.#random.below(4);
    if (shape === 0) return randomBytes(20).toString('base64url');
    return shape === 1 ? `${own.slice(0, -1)}${own.endsWith('0') ? '1' : '0'}` : own;
  }
}
