import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { MadeKey } from '../revocation/admin.ts';
import { Connection, ConnectionLost } from '../revocation/connection.ts';
import type { Gate } from '../revocation/fleet.ts';
import type { Proof, Stage } from '../revocation/proof.ts';
import { noCounts } from './counted.ts';
import { countedFleet, type CountedFleet } from './counted-fleet.ts';
import { requestOf } from './mixed-load.ts';
import { everybody, makePeople, type People } from './people.ts';
import { usageOf } from './told.ts';

/** What a gate has not reported is at most so old; beside it the way of the last report. */
const INTERVAL_MS = 2000;
const ON_ITS_WAY_MS = 500;
const EVERY_MS = 5;
const ANSWERED_MS = 200;
const PATIENCE_MS = 30_000;

/**
 * A gate that is killed loses what it had not reported, one interval at most. One that is told to stop while the key
 * service is away gives up at its deadline and says what it lost. Nothing is counted twice.
 */
export const lost: Proof = {
  name: 'lost',
  async run(stage, findings) {
    const drain = { delay: '0s', timeout: '2s' };
    const counted = await countedFleet(stage, { gates: 1, keyServices: 1, postgres: null, drain });
    const people = await makePeople(counted.fleet.admin, 5);
    const judge = async (): Promise<number> => {
      const { lost: missed, twice } = await missing(counted, everybody(people));
      findings.must(twice.length === 0, `counted more often than answered: ${twice.join(', ')}`);
      return missed;
    };
    const atMost = await killAgainAndAgain(stage, counted, people);
    await untilTold(counted, people);
    // Right after a report: one that is on its way might be counted, and be told to be lost all the same.
    await pause(ANSWERED_MS);
    onlyGate(counted).toKeyService?.shut();
    const byKilling = await judge();
    findings.inTime(
      byKilling <= atMost,
      `${byKilling} requests lost, ${atMost} answered in the last interval`,
    );
    findings.note(`${byKilling} of ${counted.upstream.answered} lost by killing, at most ${atMost} may be`);

    const { code, tookMs } = await stopAlone(counted, people);
    findings.must(code === 0, `the gate ended with ${code}`);
    findings.inTime(tookMs < 6000, `it took ${tookMs.toFixed(0)} ms to stop`);
    const byStopping = (await judge()) - byKilling;
    const log = readFileSync(onlyGate(counted).program.logFile, 'utf8');
    const said = Number(/(\d+) requests are missing from usage/.exec(log)?.[1] ?? 0);
    findings.must(said === byStopping, `${byStopping} requests are missing, and the log says ${said}`);
    findings.must(byStopping > 0, 'nothing was lost, so nothing was seen');
    findings.note(`${byStopping} lost by stopping alone, and said so, in ${tookMs.toFixed(0)} ms`);
  },
};

/** Answers how many answers fell into the last interval of a gate. */
async function killAgainAndAgain(stage: Stage, counted: CountedFleet, people: People): Promise<number> {
  const { upstream } = counted;
  const gate = onlyGate(counted);
  let atMost = 0;
  for (let round = 0; round < (stage.quick ? 1 : 10); round++) {
    const asking = new AbortController();
    const asked = keepAsking(gate, people, asking.signal);
    await pause(stage.random.between(2500, 4500));
    await gate.program.kill();
    const killedAt = performance.now();
    asking.abort();
    await asked;
    atMost += upstream.answeredVia(gate.program.name, killedAt - INTERVAL_MS - ON_ITS_WAY_MS, killedAt);
    await gate.program.start();
  }
  return atMost;
}

/** What the gate that runs now has been asked is told: a request of its own is. */
async function untilTold({ fleet, upstream }: CountedFleet, { good }: People): Promise<void> {
  const [{ keyId, key } = { keyId: '', key: '' }] = good;
  const [gate] = fleet.gates;
  if (gate === undefined) return;
  const before = (await usageOf(fleet.admin, `key=${keyId}`)).requests;
  const connection = new Connection(gate.port);
  await connection.ask(requestOf(gate, 'GET', '/search/answer/200', key));
  connection.close();
  const end = performance.now() + PATIENCE_MS;
  while ((await usageOf(fleet.admin, `key=${keyId}`)).requests === before) {
    if (performance.now() > end)
      throw new Error(`no report in ${PATIENCE_MS} ms, ${upstream.answered} answered`);
    await pause(100);
  }
}

async function stopAlone(counted: CountedFleet, people: People) {
  const gate = onlyGate(counted);
  await askFor(gate, people, 700);
  const signalledAt = performance.now();
  const code = await gate.program.terminate();
  return { code, tookMs: performance.now() - signalledAt };
}

function onlyGate({ fleet }: CountedFleet): Gate {
  const [gate] = fleet.gates;
  if (gate === undefined) throw new Error('a fleet without gates');
  return gate;
}

async function keepAsking(gate: Gate, people: People, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) await askFor(gate, people, 200);
}

/** Requests one after the other, for so long. */
async function askFor(gate: Gate, { good }: People, forMs: number): Promise<void> {
  const connection = new Connection(gate.port);
  const end = performance.now() + forMs;
  for (let i = 0; performance.now() < end; i++) {
    const { key } = good[i % good.length] ?? { key: '' };
    try {
      await connection.ask(requestOf(gate, 'GET', `/search/answer/${i % 7 === 0 ? 404 : 200}`, key));
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error;
      return;
    }
    await pause(EVERY_MS);
  }
  connection.close();
}

/** Answered and not counted; and the keys with more counted than answered. */
async function missing(
  { fleet, upstream }: CountedFleet,
  keys: readonly MadeKey[],
): Promise<{ readonly lost: number; readonly twice: readonly string[] }> {
  let lost = 0;
  const twice: string[] = [];
  for (const { keyId } of keys) {
    const told = await usageOf(fleet.admin, `key=${keyId}`);
    const { requests } = upstream.byKey.get(keyId) ?? noCounts();
    lost += Math.max(0, requests - told.requests);
    if (told.requests > requests) twice.push(keyId);
  }
  return { lost, twice };
}
