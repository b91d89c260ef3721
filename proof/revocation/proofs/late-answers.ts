import { setTimeout as pause } from 'node:timers/promises';
import { startRedis } from '../../../test/support/redis-servers.ts';
import { certainAtOf, makeKey } from '../admin.ts';
import { Connection, ConnectionLost, requestWith, type Answer } from '../connection.ts';
import { Fleet, type Gate } from '../fleet.ts';
import type { Findings, Proof, Stage } from '../proof.ts';
import type { Random } from '../random.ts';
import { isLookup, type Delay } from '../relay.ts';

const LATE_MS = 3000;
const AT_ONCE = 40;
const PROBE_EVERY_MS = 250;

/**
 * The key service's answers are late, each by three seconds or by less, and the key is revoked meanwhile: an answer
 * from before revives nothing.
 */
export const lateAnswers: Proof = {
  name: 'late-answers',
  async run(stage, findings) {
    const redis = await startRedis();
    stage.atEnd(() => redis.stop());
    const fleet = await Fleet.start(stage, { gates: stage.quick ? 3 : 5, redis: redis.port, relays: true });
    await fleet.admin.putOwner('owner', { profile: 'standard', tier: 'default' });
    const { key } = await makeKey(fleet.admin, 'owner');
    await fleet.warm(key);
    const tries = stage.quick ? 2 * AT_ONCE : 1000;
    const counts = { before: 0, afterwards: 0, accepted: 0 };
    for (let done = 0, batch = 0; done < tries; done += AT_ONCE, batch++) {
      for (const [i, { toKeyService }] of fleet.gates.entries()) {
        toKeyService?.delayAnswers(delayOf(batch + i, stage.random));
      }
      const all = await Promise.all(Array.from({ length: AT_ONCE }, () => tryOnce(stage, fleet, findings)));
      for (const one of all) {
        counts.before += one.before;
        counts.afterwards += one.afterwards;
        counts.accepted += one.accepted;
      }
    }
    findings.must(counts.before > 0, 'no request was under way when its key was revoked');
    findings.note(
      `${tries} tries, ${counts.before} requests begun before and ${counts.accepted} of them accepted`,
    );
    findings.note(`${counts.afterwards} begun after DELETE had returned, 0 may be accepted`);
  },
};

/** Gates differ in what is late: lookups alone, so that renewals keep the gate sure of itself, or every answer. */
function delayOf(kind: number, random: Random): Delay {
  switch (kind % 3) {
    case 0:
      return (line) => (isLookup(line) ? random.between(0, 900) : 0);
    case 1:
      return (line) => (isLookup(line) ? LATE_MS : 0);
    default:
      return () => random.between(0, LATE_MS);
  }
}

interface Counts {
  before: number;
  accepted: number;
  afterwards: number;
}

async function tryOnce(stage: Stage, fleet: Fleet, findings: Findings): Promise<Counts> {
  const { random } = stage;
  const { keyId, key } = await makeKey(fleet.admin, 'owner');
  const probes = fleet.gates.map((gate) => new Probe(gate, key, random.between(0, 300)));
  await pause(random.between(0, random.chance(0.5) ? 1000 : LATE_MS));
  const reply = await fleet.admin.revoke(keyId);
  const certainAt = certainAtOf(reply);
  findings.must(reply.status === 200 || reply.status === 202, `DELETE answered ${reply.status}`);
  findings.inTime(reply.status === 200, `DELETE answered ${reply.status}`);
  // What was asked before is answered by then, however late.
  await pause(Math.max(certainAt - performance.now(), 0) + LATE_MS);
  const counts: Counts = { before: 0, accepted: 0, afterwards: 0 };
  for (const answer of (await Promise.all(probes.map((probe) => probe.stop()))).flat()) {
    if (answer.begunAt < certainAt) {
      if (answer.endedAt > reply.begunAt) counts.before++;
      if (answer.status === 200) counts.accepted++;
      continue;
    }
    counts.afterwards++;
    findings.must(answer.status !== 200, `${answer.status} for a request begun after DELETE had returned`);
  }
  return counts;
}

/** Asks one gate again and again on connections of its own, several under way at a time. */
class Probe {
  readonly #port: number;
  readonly #key: string;
  readonly #running: Promise<void>;
  readonly #answers: Promise<Answer | null>[] = [];
  #stopped = false;

  constructor({ port }: Gate, key: string, firstMs: number) {
    this.#port = port;
    this.#key = key;
    this.#running = this.#run(firstMs);
  }

  async stop(): Promise<Answer[]> {
    this.#stopped = true;
    await this.#running;
    return (await Promise.all(this.#answers)).filter((answer) => answer !== null);
  }

  async #run(firstMs: number): Promise<void> {
    await pause(firstMs);
    while (!this.#stopped) {
      this.#answers.push(ask(this.#port, this.#key));
      await pause(PROBE_EVERY_MS);
    }
  }
}

async function ask(port: number, key: string): Promise<Answer | null> {
  const connection = new Connection(port);
  try {
    return await connection.ask(requestWith(key));
  } catch (error) {
    if (!(error instanceof ConnectionLost)) throw error;
    return null;
  } finally {
    connection.close();
  }
}
