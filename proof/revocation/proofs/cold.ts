import { setTimeout as pause } from 'node:timers/promises';
import { startRedis } from '../../../test/support/redis-servers.ts';
import { makeKey } from '../admin.ts';
import { Connection, reasonOf, requestWith, type Answer } from '../connection.ts';
import { Fleet, until200, type Gate } from '../fleet.ts';
import { percentile } from '../percentile.ts';
import type { Findings, Proof, Stage } from '../proof.ts';
import { isLookup, type Delay } from '../relay.ts';
import { mustBeOnly } from '../watch.ts';

const COLD = 1000;
const ACROSS = 512;
const SLOW_MS = 500;
const FRESH_MS = 2000;

/** Many requests for one unknown key ask once, and a known key is asked for again before anybody has to wait. */
export const coldLookups: Proof = {
  name: 'cold',
  async run(stage, findings) {
    const redis = await startRedis();
    stage.atEnd(() => redis.stop());
    const fleet = await Fleet.start(stage, {
      gates: stage.quick ? 3 : 5,
      redis: redis.port,
      relays: true,
      keys: { freshFor: `${FRESH_MS / 1000}s` },
    });
    await fleet.admin.putOwner('owner', { profile: 'standard', tier: 'default' });
    const known = await makeKey(fleet.admin, 'owner');
    await fleet.warm(known.key);
    for (let i = 0; i < (stage.quick ? 2 : 10); i++) await coldOnce(fleet, findings);
    await acrossExpiry(stage, fleet, findings);
  },
};

/** A thousand at each gate, all at once; the lookups take long enough for all of them to join. */
async function coldOnce(fleet: Fleet, findings: Findings): Promise<void> {
  const { key } = await makeKey(fleet.admin, 'owner');
  const connections = await Promise.all(
    fleet.gates.map(({ port }) => Promise.all(Array.from({ length: COLD }, () => Connection.opened(port)))),
  );
  for (const { toKeyService } of fleet.gates) toKeyService?.delayAnswers(slowLookups);
  await learnSlowness(fleet);
  const before = await Promise.all(fleet.gates.map((gate) => callsOf(fleet, gate)));
  const askedAt = performance.now();
  const answers = await Promise.all(connections.flat().map((connection) => connection.ask(requestWith(key))));
  const tookMs = performance.now() - askedAt;
  const after = await Promise.all(fleet.gates.map((gate) => callsOf(fleet, gate)));
  for (const connection of connections.flat()) connection.close();
  for (const { toKeyService } of fleet.gates) toKeyService?.delayAnswers(null);
  const good = answers.filter(({ status }) => status === 200).length;
  for (const answer of answers) {
    const told = `a cold request was answered ${answer.status} ${reasonOf(answer)}`;
    findings.must(isTrue(answer), told);
  }
  findings.inTime(good === answers.length, `of ${answers.length} cold requests ${good} were answered 200`);
  const calls = after.map((count, i) => count - (before[i] ?? 0));
  const told = `${COLD} cold requests on each gate: ${calls.join(', ')} key-service calls`;
  // Where a question had no answer in time there may be another, after it: each takes half a second at least.
  const most = 1 + Math.floor(tookMs / SLOW_MS);
  findings.must(calls.every((count) => count <= most) && calls.some((count) => count > 0), told);
  findings.inTime(
    calls.every((count) => count <= 1),
    told,
  );
  findings.note(told);
}

/** A key service that was quick is not waited for so long. One slow answer tells each gate otherwise. */
async function learnSlowness({ gates, admin }: Fleet): Promise<void> {
  await Promise.all(gates.map(async (gate) => until200(gate, (await makeKey(admin, 'owner')).key)));
}

/**
 * Nothing false was said of the key. 504 is said of the upstream: it has let a good key pass, and the upstream is this
 * process, which asks thousands of questions at the same moment.
 */
function isTrue(answer: Answer): boolean {
  return (
    answer.status === 200 ||
    answer.status === 503 ||
    (answer.status === 504 && reasonOf(answer) === 'upstream_timeout')
  );
}

const slowLookups: Delay = (line) => (isLookup(line) ? SLOW_MS : 0);

/** Questions to the key service by the gate's own metric, or by what its relay saw pass, whichever is more. */
async function callsOf(fleet: Fleet, gate: Gate): Promise<number> {
  return Math.max((await fleet.scrape(gate)).keyServiceCalls, gate.toKeyService?.lookups ?? 0);
}

/** How many lookups its memory has answered, and how many had to go on to Redis or the key service, as it counts. */
async function memoryOf(fleet: Fleet, gate: Gate): Promise<{ answered: number; missed: number }> {
  const scrape = await fleet.scrape(gate);
  const count = (result: string): number => scrape.sum('plexgate_key_lookups_total', { layer: 'l1', result });
  return { answered: count('hit') + count('stale'), missed: count('miss') };
}

async function acrossExpiry(stage: Stage, fleet: Fleet, findings: Findings): Promise<void> {
  const { key } = await makeKey(fleet.admin, 'owner');
  const gate = fleet.gates[0] as Gate;
  await fleet.warm(key);
  gate.toKeyService?.delayAnswers(slowLookups);
  const connections = await Promise.all(Array.from({ length: ACROSS }, () => Connection.opened(gate.port)));
  const callsBefore = gate.toKeyService?.lookups ?? 0;
  const before = await memoryOf(fleet, gate);
  const expiries = stage.quick ? 3 : 10;
  const until = performance.now() + expiries * FRESH_MS;
  const statuses = new Map<number, number>();
  const latencies = (
    await Promise.all(connections.map((connection) => askUntil(connection, key, until, statuses)))
  ).flat();
  const after = await memoryOf(fleet, gate);
  const unanswered = latencies.length - (after.answered - before.answered);
  const waited = Math.max(after.missed - before.missed, unanswered);
  mustBeOnly(findings, statuses, [200], 'across expiries');
  for (const connection of connections) connection.close();
  gate.toKeyService?.delayAnswers(null);
  const longest = latencies.reduce((most, ms) => Math.max(most, ms), 0);
  const calls = (gate.toKeyService?.lookups ?? 0) - callsBefore;
  const waitedText = `${waited} of ${latencies.length} requests waited for a lookup`;
  findings.inTime(waited === 0, waitedText);
  findings.inTime(calls >= expiries - 1, `${calls} lookups across ${expiries} expiries`);
  findings.note(
    `${waitedText}, on ${ACROSS} connections across expiries every ${FRESH_MS} ms (${calls} lookups of ${SLOW_MS} ms): p99 ${percentile(latencies, 0.99).toFixed(1)} ms, longest ${longest.toFixed(1)} ms`,
  );
}

async function askUntil(
  connection: Connection,
  key: string,
  until: number,
  statuses: Map<number, number>,
): Promise<number[]> {
  const latencies: number[] = [];
  await pause(Math.random() * 500);
  while (performance.now() < until) {
    const { status, begunAt, endedAt } = await connection.ask(requestWith(key));
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    latencies.push(endedAt - begunAt);
    await pause(500);
  }
  return latencies;
}
