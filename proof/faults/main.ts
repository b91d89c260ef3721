import { setTimeout as pause } from 'node:timers/promises';
import { askOnce } from '../revocation/connection.ts';
import type { Findings, Proof, Stage } from '../revocation/proof.ts';
import { runProofs } from '../revocation/run-proofs.ts';
import { KINDS, Keys, WELL } from './callers.ts';
import { readDeclared, rowName, type DeclaredRow } from './declared.ts';
import { FAULT_NAMES, type FaultName } from './dependency.ts';
import { measure, type Row, type Times } from './measure.ts';
import { SCENES, type Scene } from './scenes.ts';
import { tableOf, type Named } from './table.ts';
import { verdictOf } from './verdict.ts';

/**
 * `npm run fault-matrix`: what gates answer while Redis, the key service, its PostgreSQL or the upstream is killed,
 * unreachable, stalled or answers garbage. All of it is real, and told as a table. Exit code 1 where it is not what
 * docs/faults.md declares.
 */
const FULL: Times = { wellMs: 3000, faultMs: 7000, settledMs: 2000, recoveryMs: 3500 };
const QUICK: Times = { wellMs: 400, faultMs: 2200, settledMs: 1200, recoveryMs: 800 };
const WELL_MS = 30_000;
const ATTEMPTS = 3;

const measured: Named[] = [];
const declared = readDeclared();

const PROOFS: readonly Proof[] = Object.entries(SCENES).map(([dependency, open]) => ({
  name: dependency.replace(' ', '-'),
  async run(stage, findings) {
    const scene = await open(stage);
    const keys = await Keys.make(scene.fleet);
    for (const fault of FAULT_NAMES) {
      const name = rowName(dependency, fault);
      const row = await found({ stage, scene, keys, fault }, name, declared.get(name), findings);
      measured.push({ dependency, fault, row });
    }
    findings.note(`${FAULT_NAMES.length} faults`);
  },
}));

interface Looking {
  readonly stage: Stage;
  readonly scene: Scene;
  readonly keys: Keys;
  readonly fault: FaultName;
}

/** What other work may explain is looked at again, where times count. */
async function found(
  { stage, scene, keys, fault }: Looking,
  name: string,
  row: DeclaredRow | undefined,
  findings: Findings,
): Promise<Row> {
  for (let attempt = 1; ; attempt++) {
    await untilWell(scene, keys);
    const seen = await measure(scene, keys, fault, stage.quick ? QUICK : FULL);
    const { wrong, late } = verdictOf(name, seen, row);
    if (wrong.length === 0 && late.length > 0 && attempt < ATTEMPTS && !stage.quick) continue;
    // A small run ends before the fence.
    if (scene.goesStale === true && !stage.quick) {
      findings.must(seen.staleServed > 0, `${name}: nothing is counted as served stale`);
    }
    for (const what of wrong) findings.must(false, what);
    for (const what of late) findings.inTime(false, what);
    return seen;
  }
}

/** What the fault before has left behind is no part of the next. */
async function untilWell({ fleet }: Scene, keys: Keys): Promise<void> {
  await keys.bringCold(1000);
  const end = performance.now() + WELL_MS;
  for (let inRow = 0; inRow < 3; await pause(100)) {
    const answers = fleet.gates.flatMap(({ port }) =>
      KINDS.map(async (kind) => (await askOnce(port, keys.next(kind) ?? '')).status === WELL[kind]),
    );
    inRow = (await Promise.all(answers)).every(Boolean) ? inRow + 1 : 0;
    if (performance.now() > end) throw new Error('a fault that has ended still shows');
  }
}

const code = await runProofs('fault-matrix', PROOFS);
process.stdout.write(`\n${tableOf(measured)}`);
// Whatever hangs on is no reason to stay.
process.exit(code);
