import { setTimeout as pause } from 'node:timers/promises';
import { startRedis } from '../../../test/support/redis-servers.ts';
import { certainAtOf, makeKey, propagationOf } from '../admin.ts';
import { FENCE_MS, FENCED_MS, Fleet, until200, type Gate } from '../fleet.ts';
import type { Findings, Proof } from '../proof.ts';
import { mustBeOnly, statusText, Watch } from '../watch.ts';
import { mustBeFenced } from './paused.ts';

const STALE_MS = 4000;
/** A gate renews this often, and its time counts from its last renewal. */
const RENEWS_EVERY_MS = FENCE_MS / 4;
const SLACK_MS = 1000;

interface Scene {
  readonly fleet: Fleet;
  /** A key nobody revokes, known to every gate. */
  readonly steady: string;
  readonly findings: Findings;
}

/** What a gate does that is cut off from Redis, from the key service, or from both. */
export const cutOff: Proof = {
  name: 'cut-off',
  async run(stage, findings) {
    const redis = await startRedis();
    stage.atEnd(() => redis.stop());
    const fleet = await Fleet.start(stage, {
      gates: stage.quick ? 3 : 5,
      redis: redis.port,
      relays: true,
      keyServiceRelays: true,
      // What is known is old after two seconds: from there on it is used as stale.
      keys: { staleIfError: `${STALE_MS / 1000}s`, freshFor: '2s' },
    });
    await fleet.admin.putOwner('owner', { profile: 'standard', tier: 'default' });
    const { key } = await makeKey(fleet.admin, 'owner');
    const scene: Scene = { fleet, steady: key, findings };
    const parts = [withoutBoth, withoutRedis, denied, withoutKeyService, withoutAnyKeyService, uncertain];
    for (const part of parts) {
      await fleet.warm(key);
      await part(scene);
    }
  },
};

/** Another one for each part, as far as there are so many. */
function gateOf({ gates }: Fleet, part: number): Gate {
  return gates[part % gates.length] as Gate;
}

async function withoutBoth({ fleet, steady, findings }: Scene): Promise<void> {
  const { keyId, key } = await makeKey(fleet.admin, 'owner');
  await fleet.warm(key);
  const victim = gateOf(fleet, 0);
  const others = fleet.gates.filter((gate) => gate !== victim);
  const watch = new Watch(fleet.gates, key);
  const steadyHere = new Watch([victim], steady);
  const steadyElsewhere = new Watch(others, steady);
  await pause(300);
  victim.toKeyService?.cut();
  victim.toRedis?.cut();
  const reply = await fleet.admin.revoke(keyId);
  await mustBeFenced(reply, fleet, victim, findings);
  const certainAt = certainAtOf(reply);
  await pause(Math.max(certainAt - performance.now(), 0) + 1500);
  const healedAt = performance.now();
  victim.toKeyService?.heal();
  victim.toRedis?.heal();
  await until200(victim, steady);
  await pause(1000);
  await Promise.all([watch.stop(), steadyHere.stop(), steadyElsewhere.stop()]);

  const afterwards = watch.statuses(reply.endedAt, Infinity);
  findings.must(
    !afterwards.has(200),
    `cut off from both: ${statusText(afterwards)} after DELETE had returned`,
  );
  mustBeOnly(findings, steadyHere.statuses(0, Infinity), [200, 503], 'cut off from both, another key');
  const dark = steadyHere.statuses(reply.endedAt, healedAt - 100);
  mustBeOnly(findings, dark, [503], 'cut off from both, past the fence, another key');
  mustBeOnly(findings, steadyElsewhere.statuses(0, Infinity), [200], 'another gate cut off, another key');
  findings.note(`cut off from both: DELETE ${(reply.endedAt - reply.begunAt).toFixed(0)} ms, fenced`);
}

async function withoutRedis({ fleet, steady, findings }: Scene): Promise<void> {
  const { keyId, key } = await makeKey(fleet.admin, 'owner');
  await fleet.warm(key);
  const victim = gateOf(fleet, 1);
  const steadyHere = new Watch([victim], steady);
  victim.toRedis?.cut();
  await pause(300);
  const reply = await fleet.admin.revoke(keyId);
  const watch = new Watch(fleet.gates, key);
  await pause(FENCED_MS);
  victim.toRedis?.heal();
  await pause(500);
  await Promise.all([watch.stop(), steadyHere.stop()]);

  const { members, acked } = propagationOf(reply);
  const ms = reply.endedAt - reply.begunAt;
  findings.must(
    reply.status === 200 && members === fleet.gates.length && acked === members,
    `without its Redis: DELETE answered ${reply.status}, ${acked} of ${members} acked`,
  );
  findings.inTime(ms < RENEWS_EVERY_MS + SLACK_MS, `without its Redis: DELETE took ${ms.toFixed(0)} ms`);
  mustBeOnly(findings, watch.statuses(reply.endedAt, Infinity), [401], 'without its Redis, after DELETE');
  mustBeOnly(findings, steadyHere.statuses(0, Infinity), [200], 'without its Redis, another key');
  findings.note(`only its Redis away: acked after ${ms.toFixed(0)} ms`);
}

/** Only the key service away for a gate, and a key revoked meanwhile: Redis tells it that something has changed. */
async function denied({ fleet, findings }: Scene): Promise<void> {
  const { keyId, key } = await makeKey(fleet.admin, 'owner');
  await fleet.warm(key);
  const victim = gateOf(fleet, 4);
  const watch = new Watch(fleet.gates, key);
  victim.toKeyService?.cut();
  const reply = await fleet.admin.revoke(keyId);
  await mustBeFenced(reply, fleet, victim, findings);
  const certainAt = certainAtOf(reply);
  // Within staleIfError: without a change it would go on.
  await pause(Math.max(certainAt - performance.now(), 0) + 1000);
  await watch.stop();
  victim.toKeyService?.heal();
  const afterwards = watch.statuses(certainAt, Infinity);
  findings.must(!afterwards.has(200), `denied by Redis: ${statusText(afterwards)} after DELETE had returned`);
}

/** Key service away for one gate: warm keys go on while Redis confirms, for `staleIfError`, and then no more. */
async function withoutKeyService({ fleet, steady, findings }: Scene): Promise<void> {
  const victim = gateOf(fleet, 2);
  const others = fleet.gates.filter((gate) => gate !== victim);
  const here = new Watch([victim], steady);
  const elsewhere = new Watch(others, steady);
  const cutAt = performance.now();
  victim.toKeyService?.cut();
  await pause(STALE_MS + SLACK_MS + 1000);
  const healedAt = performance.now();
  victim.toKeyService?.heal();
  await until200(victim, steady);
  await Promise.all([here.stop(), elsewhere.stop()]);
  mustGoStale(findings, 'key service away for one gate', here, { cutAt, healedAt });
  mustBeOnly(findings, elsewhere.statuses(0, Infinity), [200], 'key service away for another gate');
}

async function withoutAnyKeyService({ fleet, steady, findings }: Scene): Promise<void> {
  const watch = new Watch(fleet.gates, steady);
  const cutAt = performance.now();
  await fleet.keyServices[0]?.program.kill();
  await pause(STALE_MS + SLACK_MS + 1000);
  const healedAt = performance.now();
  await fleet.keyServices[0]?.program.start();
  await Promise.all(fleet.gates.map((gate) => until200(gate, steady)));
  await watch.stop();
  mustGoStale(findings, 'key service killed', watch, { cutAt, healedAt });
}

function mustGoStale(
  findings: Findings,
  where: string,
  watch: Watch,
  { cutAt, healedAt }: { readonly cutAt: number; readonly healedAt: number },
): void {
  mustBeOnly(findings, watch.statuses(cutAt, Infinity), [200, 503], where);
  const during = watch.statuses(cutAt, cutAt + STALE_MS - RENEWS_EVERY_MS - SLACK_MS);
  mustBeOnly(findings, during, [200], `${where}, while it may go on`);
  const beyond = watch.statuses(cutAt + STALE_MS + SLACK_MS / 2, healedAt);
  mustBeOnly(findings, beyond, [503], `${where}, beyond staleIfError`);
  const last = watch.between(cutAt, healedAt).findLast(({ status }) => status === 200);
  findings.note(`${where}: 200 for ${(((last?.begunAt ?? cutAt) - cutAt) / 1000).toFixed(1)} s, then 503`);
}

/**
 * The key service can't tell Redis, and a gate can't hear the key service but is told by Redis that all is as before:
 * nobody knows for certain until staleIfError and the fence are over, and nobody claims to.
 */
async function uncertain({ fleet, steady, findings }: Scene): Promise<void> {
  const { keyId, key } = await makeKey(fleet.admin, 'owner');
  await fleet.warm(key);
  const victim = gateOf(fleet, 3);
  fleet.keyServices[0]?.toRedis?.cut();
  victim.toKeyService?.cut();
  const watch = new Watch(fleet.gates, key);
  const other = new Watch([victim], steady);
  const reply = await fleet.admin.revoke(keyId);
  const certainAt = certainAtOf(reply);
  findings.must(reply.status === 202, `a revocation that can't be certain answered ${reply.status}`);
  const atMost = reply.begunAt + 1.15 * (STALE_MS + FENCE_MS) + 2 * SLACK_MS;
  findings.must(
    certainAt <= atMost,
    `certain_at is ${((certainAt - reply.begunAt) / 1000).toFixed(1)} s away`,
  );
  if (Number.isFinite(certainAt)) await pause(Math.max(certainAt - performance.now(), 0) + 1500);
  await Promise.all([watch.stop(), other.stop()]);
  fleet.keyServices[0]?.toRedis?.heal();
  victim.toKeyService?.heal();
  await until200(victim, steady);

  const passed = watch.between(reply.begunAt, certainAt).filter(({ status }) => status === 200).length;
  const afterwards = watch.statuses(certainAt, Infinity);
  findings.must(!afterwards.has(200), `at certain_at: ${statusText(afterwards)}`);
  mustBeOnly(findings, other.statuses(0, Infinity), [200, 503], 'uncertain, another key');
  const again = await fleet.admin.revoke(keyId);
  findings.must(again.status === 200, `the repeated DELETE answered ${again.status}`);
  findings.note(
    `202 after ${(reply.endedAt - reply.begunAt).toFixed(0)} ms, certain ${((certainAt - reply.begunAt) / 1000).toFixed(1)} s after the call, ${passed} passed before and 0 may afterwards`,
  );
}
