import { setTimeout as pause } from 'node:timers/promises';
import type { TestPostgres } from '../../test/support/postgres.ts';
import type { Fleet } from '../revocation/fleet.ts';
import type { Program } from '../revocation/program.ts';
import type { Findings } from '../revocation/proof.ts';
import type { MixedLoad } from './mixed-load.ts';

export interface Disturbed {
  readonly fleet: Fleet;
  /** Null: the store is SQLite. */
  readonly postgres: TestPostgres | null;
  readonly load: MixedLoad;
  readonly findings: Findings;
  readonly quick: boolean;
}

const CUT_MS = 3000;
const BETWEEN_MS = 300;

/** Restarts one thing after another for as long as there is load, each once at least. Answers how often. */
export async function disturb(about: Disturbed): Promise<string> {
  const done = new Map<string, number>();
  const steps = stepsOf(about);
  for (let i = 0; i < steps.length || !about.load.isOver; i++) {
    const [what, step] = steps[i % steps.length] ?? ['', () => Promise.resolve()];
    await step();
    done.set(what, (done.get(what) ?? 0) + 1);
    await pause(BETWEEN_MS);
  }
  return [...done].map(([what, times]) => `${times} x ${what}`).join(', ');
}

type Step = readonly [what: string, run: () => Promise<void>];

function stepsOf({ fleet, postgres, findings, quick }: Disturbed): Step[] {
  const [first, second, third = first] = fleet.gates;
  const steps: Step[] = [
    ['gate restarted', () => restart(findings, first?.program)],
    ['key service killed', () => killed(fleet.keyServices[0]?.program)],
    [
      'network to the key service cut, with a gate told to stop meanwhile',
      async () => {
        for (const { toKeyService } of fleet.gates) toKeyService?.cut();
        const restarted = restart(findings, second?.program);
        await pause(quick ? CUT_MS / 2 : CUT_MS);
        for (const { toKeyService } of fleet.gates) toKeyService?.heal();
        await restarted;
      },
    ],
    ['key service restarted', () => restart(findings, fleet.keyServices.at(-1)?.program)],
  ];
  // A gate is restarted in the cut as well.
  if (!quick) steps.push(['gate restarted', () => restart(findings, third?.program)]);
  if (postgres === null) return steps;
  const crash = async (): Promise<void> => {
    await postgres.halt('immediate');
    await pause(BETWEEN_MS);
    await postgres.start();
  };
  return [...steps, ['PostgreSQL crashed', crash]];
}

/** By SIGTERM: nothing may be lost. */
export async function restart(findings: Findings, program: Program | undefined): Promise<void> {
  if (program === undefined) throw new Error('a fleet without it');
  await end(findings, program);
  await program.start();
}

export async function end(findings: Findings, program: Program): Promise<void> {
  const code = await program.terminate();
  findings.must(code === 0, `${program.name} ended with ${code}`);
}

async function killed(program: Program | undefined): Promise<void> {
  await program?.kill();
  await pause(BETWEEN_MS);
  await program?.start();
}
