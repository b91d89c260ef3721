import { startRedis } from '../../../test/support/redis-servers.ts';
import { makeKey, propagationOf } from '../admin.ts';
import { reasonOf } from '../connection.ts';
import { FENCE_MS, Fleet } from '../fleet.ts';
import { Load } from '../load.ts';
import { comes } from '../patience.ts';
import { percentile } from '../percentile.ts';
import type { Findings, Proof, Stage } from '../proof.ts';

const GATES = 5;
const GOAL_MS = 250;
/** Each key is seen working this often before it is revoked. */
const ACCEPTED_BEFORE = 50;

interface Round {
  readonly key: string;
  /** When DELETE had returned. */
  returnedAt: number;
  accepted: number;
  afterwards: number;
}

/** Of the requests that begin when DELETE has returned none passes, on any of five gates under load. */
export const fiveSidecars: Proof = {
  name: 'five-sidecars',
  async run(stage, findings) {
    const redis = await startRedis();
    stage.atEnd(() => redis.stop());
    const fleet = await Fleet.start(stage, { gates: GATES, redis: redis.port });
    await fleet.admin.putOwner('owner', { profile: 'standard', tier: 'default' });
    const rounds = stage.quick ? 30 : 200;
    const perRound = stage.quick ? 334 : 500;

    let round: Round | null = null;
    const load = loadOn(stage, fleet, findings, () => round);
    const revokeMs: number[] = [];
    let afterwards = 0;
    for (let i = 0; i < rounds; i++) {
      const { keyId, key } = await makeKey(fleet.admin, 'owner');
      if (i === 0) await fleet.warm(key);
      const now: Round = { key, returnedAt: Infinity, accepted: 0, afterwards: 0 };
      round = now;
      await comes('enough requests with a new key', () => now.accepted >= ACCEPTED_BEFORE);
      const reply = await fleet.admin.revoke(keyId);
      now.returnedAt = reply.endedAt;
      const { members, acked, fenced } = propagationOf(reply);
      findings.must(
        reply.status === 200 && members === GATES && acked === GATES && fenced === 0,
        `DELETE answered ${reply.status} with ${members} members, ${acked} acked, ${fenced} fenced`,
      );
      revokeMs.push(reply.endedAt - reply.begunAt);
      await comes('enough requests with a revoked key', () => now.afterwards >= perRound);
      afterwards += now.afterwards;
    }
    round = null;
    await load.stop();
    findings.must(load.lost === 0, `${load.lost} requests had no answer`);
    // Where nobody announces changes, gates hear of them when they renew.
    const goalMs = stage.keyService === undefined ? GOAL_MS : GOAL_MS + FENCE_MS / 4;
    const p99 = percentile(revokeMs, 0.99);
    findings.inTime(p99 < goalMs, `p99 of DELETE is ${p99.toFixed(0)} ms, not under ${goalMs} ms`);
    findings.note(`${afterwards} requests sent after ${rounds} DELETEs returned`);
    findings.note(
      `DELETE p50 ${percentile(revokeMs, 0.5).toFixed(0)} ms, p99 ${p99.toFixed(0)} ms (goal ${goalMs})`,
    );
  },
};

function loadOn({ quick }: Stage, fleet: Fleet, findings: Findings, now: () => Round | null): Load<Round> {
  return new Load<Round>({
    gates: fleet.gates,
    connectionsPerGate: 8,
    everyMs: quick ? 40 : 20,
    next: () => {
      const round = now();
      return round === null ? null : { key: round.key, about: round };
    },
    seen: ({ gate, about, answer }) => {
      if (answer.begunAt < about.returnedAt) {
        if (answer.status === 200) about.accepted++;
        const premature = answer.status !== 200 && about.returnedAt === Infinity && !hasBegun(answer.body);
        findings.must(!premature, `${gate.program.name} answered ${answer.status} before the revocation`);
        return;
      }
      about.afterwards++;
      findings.must(
        answer.status === 401 && reasonOf(answer) === 'revoked_key',
        `${gate.program.name} answered ${answer.status} ${reasonOf(answer)} after DELETE had returned`,
      );
    },
  });
}

/** While DELETE is under way a gate may know already. */
function hasBegun(body: string): boolean {
  return body.includes('revoked_key');
}
