import { readFileSync } from 'node:fs';
import { startPostgres, type TestPostgres } from '../../test/support/postgres.ts';
import { ReadyGates } from '../reload/ready-gates.ts';
import type { Fleet } from '../revocation/fleet.ts';
import type { Findings, Proof, Stage } from '../revocation/proof.ts';
import { countedFleet } from './counted-fleet.ts';
import { disturb, end } from './disturbances.ts';
import { MixedLoad } from './mixed-load.ts';
import { makePeople } from './people.ts';
import { adminDifferences, customerDifferences } from './told.ts';

/** Longer than the network is cut: a gate that is told to stop meanwhile waits for it. */
const DRAIN = { delay: '300ms', timeout: '20s' };

/** Usage is the upstream's own count, key by key, whatever is restarted meanwhile. */
export const onPostgres: Proof = {
  name: 'postgres',
  async run(stage, findings) {
    const postgres = await startPostgres();
    stage.atEnd(() => postgres.stop());
    await run(stage, findings, postgres);
  },
};

export const onSqlite: Proof = {
  name: 'sqlite',
  async run(stage, findings) {
    // The small size has seen it with PostgreSQL; what differs is the store, of which there is one contract.
    if (stage.quick) findings.note('in the full size only');
    else await run(stage, findings, null);
  },
};

async function run(stage: Stage, findings: Findings, postgres: TestPostgres | null): Promise<void> {
  const { quick, random } = stage;
  const keyServices = postgres === null ? 1 : 2;
  const { fleet, upstream } = await countedFleet(stage, {
    gates: quick ? 2 : 3,
    keyServices,
    postgres,
    drain: DRAIN,
  });
  const people = await makePeople(fleet.admin, quick ? 10 : 200);
  const ready = new ReadyGates(fleet.gates);
  stage.atEnd(() => ready.close());
  const load = new MixedLoad({
    people,
    random,
    requests: quick ? 2000 : 100_000,
    perSecond: quick ? 300 : 500,
    lines: quick ? 12 : 32,
    gates: () => ready.gates,
  });
  const happened = await disturb({ fleet, postgres, load, findings, quick });
  await load.end();
  // Whoever stops tells first what it has counted.
  for (const { program } of fleet.gates) await end(findings, program);
  for (const what of await adminDifferences(fleet.admin, people, upstream)) findings.must(false, what);
  const [gate] = fleet.gates;
  if (gate === undefined) throw new Error('a fleet without gates');
  await gate.program.start();
  for (const what of await customerDifferences(gate, people, upstream)) findings.must(false, what);
  findings.must(!logsOf(fleet).includes('reports lost'), 'a gate says that it lost reports');
  findings.must(upstream.answered > load.sent / 2, `the upstream answered ${upstream.answered} only`);
  findings.note(`${load.sent} requests of ${people.good.length} keys and some`);
  findings.note(`${upstream.answered} counted; ${textOf(load.seen)}; ${happened}`);
}

export function logsOf(fleet: Fleet): string {
  return fleet.gates.map(({ program }) => readFileSync(program.logFile, 'utf8')).join('');
}

export function textOf(seen: ReadonlyMap<string, number>): string {
  const sorted = [...seen].toSorted(([a], [b]) => a.localeCompare(b));
  return sorted.map(([what, times]) => `${what} x ${times}`).join(', ');
}
