import { startRedis } from '../../test/support/redis-servers.ts';
import { makeKey } from '../revocation/admin.ts';
import { Fleet, type Gate } from '../revocation/fleet.ts';
import type { Program } from '../revocation/program.ts';
import type { Findings, Proof, Stage } from '../revocation/proof.ts';
import { openStream, type OpenStream, type StreamKind } from '../revocation/stream-client.ts';
import { ReadyGates } from './ready-gates.ts';
import { SteadyLoad } from './steady-load.ts';

const PER_SECOND = 1000;
const CONNECTIONS = 40;
const GOING_AWAY = 1001;
const DRAIN = { delay: '500ms', timeout: '1s' };
/** Delay, timeout, and what a stream may linger. */
const STREAMS_END_MS = 8000;

/** Gates and their key service are restarted one after another, and no request is lost. */
export const restarts: Proof = {
  name: 'restarts',
  async run(stage, findings) {
    const redis = await startRedis();
    stage.atEnd(() => redis.stop());
    const fleet = await Fleet.start(stage, {
      gates: 2,
      redis: redis.port,
      proxy: { drain: DRAIN, tiers: { standard: { default: ['1000000/minute'] } } },
    });
    await fleet.admin.putOwner('owner', { profile: 'standard', tier: 'default' });
    const { key } = await makeKey(fleet.admin, 'owner');
    await fleet.warm(key);
    const ready = new ReadyGates(fleet.gates);
    const load = new SteadyLoad({
      perSecond: PER_SECOND,
      connections: CONNECTIONS,
      key,
      ports: () => ready.ports,
    });
    const startedAt = performance.now();
    const rounds = stage.quick ? 2 : 20;
    for (let round = 0; round < rounds; round++) {
      // Streams that never end hold a drain up to its timeout.
      const withStreams = !stage.quick || round === 0;
      for (const gate of fleet.gates) await restartGate(stage, findings, { gate, ready, key, withStreams });
      for (const { program } of fleet.keyServices) await restart(findings, program);
    }
    await load.stop();
    ready.close();
    const rate = load.answered / ((performance.now() - startedAt) / 1000);
    findings.note(
      `${rounds} rolling restarts of 2 gates and the key service, ${load.answered} requests, ${rate.toFixed(0)}/s`,
    );
    for (const failure of load.failures) findings.must(false, failure);
  },
};

interface Restarting {
  readonly gate: Gate;
  readonly ready: ReadyGates;
  readonly key: string;
  readonly withStreams: boolean;
}

async function restartGate(stage: Stage, findings: Findings, what: Restarting): Promise<void> {
  const { gate, ready, key, withStreams } = what;
  const kinds: readonly StreamKind[] = withStreams ? ['websocket', 'events'] : [];
  const streams = await Promise.all(kinds.map((kind) => openStream(gate, key, kind)));
  stage.atEnd(() => streams.forEach((stream) => stream.drop()));
  const signalledAt = performance.now();
  await restart(findings, gate.program);
  judgeStreams(findings, streams, signalledAt);
  await ready.has(gate);
}

async function restart(findings: Findings, program: Program): Promise<void> {
  const code = await program.terminate();
  findings.must(code === 0, `${program.name} ended with ${code}`);
  await program.start();
}

function judgeStreams(findings: Findings, streams: readonly OpenStream[], signalledAt: number): void {
  for (const { kind, endedAt, closeCode } of streams) {
    findings.must(endedAt !== null, `a stream (${kind}) outlived its gate`);
    if (kind === 'websocket') {
      findings.must(closeCode === GOING_AWAY, `a WebSocket was closed with ${closeCode}`);
    }
    const afterMs = (endedAt ?? Infinity) - signalledAt;
    findings.inTime(afterMs <= STREAMS_END_MS, `a stream (${kind}) ended after ${afterMs.toFixed(0)} ms`);
  }
}
