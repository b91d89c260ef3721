import { setTimeout as pause } from 'node:timers/promises';
import { startRedis } from '../../../test/support/redis-servers.ts';
import { certainAtOf, makeKey, propagationOf, type Reply } from '../admin.ts';
import { Connection, requestWith, type Answer } from '../connection.ts';
import { FENCED_MS, Fleet, until200, type Gate } from '../fleet.ts';
import { percentile } from '../percentile.ts';
import type { Findings, Proof, Stage } from '../proof.ts';
import { mustBeOnly, Watch } from '../watch.ts';

const WITHIN_MS = FENCED_MS + 1000;
const CONNECTIONS = 8;
const AFTERWARDS_MS = 1500;

/** A gate stopped by SIGSTOP is fenced off, and when it wakes up it accepts the revoked key no more. */
export const paused: Proof = {
  name: 'paused',
  async run(stage, findings) {
    const redis = await startRedis();
    stage.atEnd(() => redis.stop());
    const fleet = await Fleet.start(stage, { gates: stage.quick ? 3 : 5, redis: redis.port });
    await fleet.admin.putOwner('owner', { profile: 'standard', tier: 'default' });
    const other = await makeKey(fleet.admin, 'owner');
    await fleet.warm(other.key);
    const tries = stage.quick ? 2 : 20;
    const revokeMs: number[] = [];
    let written = 0;
    for (let i = 0; i < tries; i++) {
      const done = await pausedOnce(stage, { fleet, otherKey: other.key, findings });
      revokeMs.push(done.revokeMs);
      written += done.written;
    }
    findings.note(`${tries} tries, ${written} requests written while it was stopped or after, 0 may pass`);
    findings.note(
      `DELETE p50 ${percentile(revokeMs, 0.5).toFixed(0)} ms, longest ${Math.max(...revokeMs).toFixed(0)} ms (at most ${WITHIN_MS})`,
    );
  },
};

interface Try {
  readonly fleet: Fleet;
  readonly otherKey: string;
  readonly findings: Findings;
}

async function pausedOnce(stage: Stage, { fleet, otherKey, findings }: Try) {
  const { random } = stage;
  const { keyId, key } = await makeKey(fleet.admin, 'owner');
  await fleet.warm(key);
  const victim = random.oneOf(fleet.gates);
  const others = fleet.gates.filter((gate) => gate !== victim);
  const idle = await connections(victim);
  const before = performance.now();
  const otherHere = new Watch([victim], otherKey);
  const otherElsewhere = new Watch(others, otherKey);
  await pause(200);
  victim.program.freeze();
  // Sometimes its last renewal is young, sometimes old.
  await pause(random.between(0, 1000));
  const reply = await fleet.admin.revoke(keyId);

  // Nobody has closed these: they begin after DELETE has returned, though nobody reads them yet.
  const asked = idle.map((connection) => connection.ask(requestWith(key)));
  const opened = Array.from({ length: CONNECTIONS }, () => new Connection(victim.port));
  asked.push(...opened.map((connection) => connection.ask(requestWith(key))));
  await pause(random.between(0, 500));
  victim.program.thaw();
  const thawedAt = performance.now();
  const answers = (await Promise.allSettled(asked)).map(answerOf);
  await mustBeFenced(reply, fleet, victim, findings);
  const watch = new Watch(fleet.gates, key);
  await pause(AFTERWARDS_MS);
  await watch.stop();
  await until200(victim, otherKey);
  await Promise.all([otherHere.stop(), otherElsewhere.stop()]);

  const certainAt = certainAtOf(reply);
  for (const answer of [...answers, ...watch.between(0, Infinity)]) {
    const passed = answer?.status === 200 && answer.begunAt >= certainAt;
    findings.must(!passed, 'a request begun after DELETE had returned was answered 200');
  }
  findings.must(
    answers.every((answer) => answer !== null),
    'a connection that was open or waiting was broken instead of answered',
  );
  mustBeOnly(findings, otherElsewhere.statuses(before, Infinity), [200], 'another key on the other gates');
  mustBeOnly(findings, otherHere.statuses(before, Infinity), [200, 503], 'another key on the stopped gate');
  const late = otherHere.statuses(thawedAt + 3000, Infinity);
  findings.inTime(!late.has(503), 'the gate still answers 503 three seconds after it woke up');
  for (const connection of [...idle, ...opened]) connection.close();
  return {
    revokeMs: reply.endedAt - reply.begunAt,
    written: answers.length + watch.between(certainAt, Infinity).length,
  };
}

function connections({ port }: Gate): Promise<Connection[]> {
  return Promise.all(Array.from({ length: CONNECTIONS }, () => Connection.opened(port)));
}

function answerOf(outcome: PromiseSettledResult<Answer>): Answer | null {
  return outcome.status === 'fulfilled' ? outcome.value : null;
}

/**
 * One member is fenced, the others have acknowledged, in time. Where the key service could not tell Redis in time it
 * says so by 202, and until when.
 */
export async function mustBeFenced(
  reply: Reply,
  { gates }: Fleet,
  victim: Gate,
  findings: Findings,
): Promise<void> {
  const { members, acked, fenced, fencedMembers } = propagationOf(reply);
  const ms = reply.endedAt - reply.begunAt;
  findings.inTime(ms <= WITHIN_MS, `DELETE took ${ms.toFixed(0)} ms, more than ${WITHIN_MS}`);
  const told = `DELETE answered ${reply.status} with ${members} members, ${acked} acked, ${fenced} fenced`;
  const asExpected = members === gates.length && acked === members - 1 && fenced === 1;
  findings.must(reply.status === 202 || (reply.status === 200 && asExpected), told);
  findings.inTime(reply.status === 200, told);
  if (reply.status !== 200) return;
  const page = await (await fetch(`http://127.0.0.1:${victim.program.ports[0]}/members`)).text();
  const name = fencedMembers[0] ?? 'nobody';
  findings.must(
    page.includes(name),
    `DELETE names ${name} as fenced, which is not what the gate calls itself`,
  );
}
