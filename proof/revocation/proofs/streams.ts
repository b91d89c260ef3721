import { setTimeout as pause } from 'node:timers/promises';
import { startRedis } from '../../../test/support/redis-servers.ts';
import { makeKey } from '../admin.ts';
import { Fleet, type Gate } from '../fleet.ts';
import type { Findings, Proof, Stage } from '../proof.ts';
import { openStream, type OpenStream, type StreamKind } from '../stream-client.ts';

const WITHIN_MS = 2000;
const AT_ONCE = 50;
const POLICY_VIOLATION = 1008;

/** Streams of a revoked key end, those of another stay. */
export const streams: Proof = {
  name: 'streams',
  async run(stage, findings) {
    const redis = await startRedis();
    stage.atEnd(() => redis.stop());
    const fleet = await Fleet.start(stage, { gates: stage.quick ? 3 : 5, redis: redis.port });
    await fleet.admin.putOwner('owner', { profile: 'standard', tier: 'default' });
    const [ending, staying] = [await makeKey(fleet.admin, 'owner'), await makeKey(fleet.admin, 'owner')];
    await Promise.all([fleet.warm(ending.key), fleet.warm(staying.key)]);
    const each = stage.quick ? 100 : 1000;
    const ended = [
      ...(await openMany(stage, fleet, { key: ending.key, kind: 'websocket', count: each })),
      ...(await openMany(stage, fleet, { key: ending.key, kind: 'events', count: each })),
    ];
    const stayed = [
      ...(await openMany(stage, fleet, { key: staying.key, kind: 'websocket', count: 50 })),
      ...(await openMany(stage, fleet, { key: staying.key, kind: 'events', count: 50 })),
    ];
    await pause(1000);
    const early = [...ended, ...stayed].filter(({ endedAt }) => endedAt !== null).length;
    findings.must(early === 0, `${early} streams ended by themselves`);
    const reply = await fleet.admin.revoke(ending.keyId);
    findings.must(reply.status === 200, `DELETE answered ${reply.status}`);
    await pause(WITHIN_MS + 1000);
    judge(findings, { ended, stayed, returnedAt: reply.endedAt, begunAt: reply.begunAt });
  },
};

interface Wanted {
  readonly key: string;
  readonly kind: StreamKind;
  readonly count: number;
}

async function openMany(stage: Stage, fleet: Fleet, { key, kind, count }: Wanted): Promise<OpenStream[]> {
  const opened: OpenStream[] = [];
  while (opened.length < count) {
    const several = Array.from({ length: Math.min(AT_ONCE, count - opened.length) }, (_, i) => {
      const gate = fleet.gates[(opened.length + i) % fleet.gates.length] as Gate;
      return openStream(gate, key, kind);
    });
    opened.push(...(await Promise.all(several)));
  }
  stage.atEnd(() => opened.forEach((stream) => stream.drop()));
  return opened;
}

interface Seen {
  readonly ended: readonly OpenStream[];
  readonly stayed: readonly OpenStream[];
  readonly begunAt: number;
  readonly returnedAt: number;
}

function judge(findings: Findings, { ended, stayed, begunAt, returnedAt }: Seen): void {
  const open = ended.filter(({ endedAt }) => endedAt === null).length;
  findings.must(open === 0, `${open} of ${ended.length} streams of the revoked key are still open`);
  const last = Math.max(...ended.map(({ endedAt }) => endedAt ?? Infinity));
  findings.inTime(
    last - returnedAt <= WITHIN_MS,
    `the last stream ended ${(last - returnedAt).toFixed(0)} ms after DELETE had returned`,
  );
  const coded = ended.filter(({ kind }) => kind === 'websocket');
  const wrong = coded.filter(({ closeCode }) => closeCode !== POLICY_VIOLATION).length;
  findings.must(
    wrong === 0,
    `${wrong} of ${coded.length} WebSockets were not closed with ${POLICY_VIOLATION}`,
  );
  const gone = stayed.filter(({ endedAt }) => endedAt !== null).length;
  findings.must(gone === 0, `${gone} of ${stayed.length} streams of another key ended, too`);
  findings.note(
    `${coded.length} WebSockets and ${ended.length - coded.length} event streams ended within ${(last - begunAt).toFixed(0)} ms of the call (at most ${WITHIN_MS} after it returned)`,
  );
  findings.note(`${stayed.length - gone} of ${stayed.length} streams of another key stayed`);
}
