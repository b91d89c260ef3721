import { randomInt } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { OtherWork } from './machine.ts';
import { Findings, type Proof } from './proof.ts';
import { Random } from './random.ts';

/** From here on times are not the program's. */
const OTHERS_SHARE = 0.1;

interface Options {
  readonly quick: boolean;
  readonly seed: number;
  readonly proofs: readonly Proof[];
}

/** Null where the command line is none of ours. */
function readOptions(all: readonly Proof[]): Options | null {
  try {
    const { values } = parseArgs({
      options: {
        quick: { type: 'boolean', default: false },
        seed: { type: 'string', default: String(randomInt(1_000_000_000)) },
        only: { type: 'string', multiple: true, default: [] },
      },
    });
    const { only } = values;
    const seed = Number(values.seed);
    const known = only.every((wanted) => all.some(({ name }) => name === wanted));
    if (!known || !Number.isInteger(seed)) return null;
    return {
      quick: values.quick,
      seed,
      proofs: all.filter(({ name, onlyInFull = false }) =>
        only.length === 0 ? !(values.quick && onlyInFull) : only.includes(name),
      ),
    };
  } catch {
    return null;
  }
}

/** Runs the proofs that the command line names, a line for each. Answers the exit code: 1 where one fails. */
export async function runProofs(command: string, all: readonly Proof[]): Promise<number> {
  const options = readOptions(all);
  if (options === null) {
    const names = all.map(({ name }) => name).join(', ');
    process.stderr.write(
      `npm run ${command} -- [--quick] [--seed NUMBER] [--only NAME]...\nnames: ${names}\n`,
    );
    return 2;
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    // What was started goes with this process.
    process.once(signal, () => process.exit(1));
  }
  const { quick, seed, proofs } = options;
  const folder = mkdtempSync(join(tmpdir(), 'plexgate-proof-'));
  process.stdout.write(`seed ${seed}, ${quick ? 'quick' : 'full'} size, logs in ${folder}\n`);
  let failed = 0;
  for (const proof of proofs) {
    if (!(await show(proof, options, join(folder, proof.name)))) failed++;
  }
  if (failed === 0) rmSync(folder, { recursive: true, force: true });
  else process.stdout.write(`${failed} of ${proofs.length} proofs FAILED; seed ${seed}, logs in ${folder}\n`);
  return failed === 0 ? 0 : 1;
}

/** Runs one proof and prints its line; false where it failed. */
async function show(proof: Proof, { quick, seed }: Options, folder: string): Promise<boolean> {
  mkdirSync(folder);
  const cleanUps: (() => Promise<void> | void)[] = [];
  const findings = new Findings();
  const startedAt = performance.now();
  const others = new OtherWork();
  const atEnd = (cleanUp: () => Promise<void> | void): void => void cleanUps.unshift(cleanUp);
  try {
    await proof.run({ quick, random: new Random(seed), folder, atEnd }, findings);
  } catch (error) {
    findings.must(false, error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  const share = others.share();
  for (const cleanUp of cleanUps) {
    try {
      await cleanUp();
    } catch (error) {
      findings.must(false, `cleaning up: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  // A small run is for every machine and goes beside other work: times are told there, and fail a full one.
  const lateCounts = !quick;
  const failed = findings.wrong.length > 0 || (lateCounts && findings.late.length > 0);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
  const beside = share < OTHERS_SHARE ? '' : `, others used ${(share * 100).toFixed(0)} % of the machine`;
  const lines = [
    `${failed ? 'FAILED' : 'ok    '} ${proof.name.padEnd(14)} ${findings.measured} (${seconds} s${beside})`,
    ...findings.wrong.map((what) => `    - ${what}`),
    ...findings.late.map((what) => `    - ${what}${lateCounts ? '' : ', which counts in a full run'}`),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  return !failed;
}
