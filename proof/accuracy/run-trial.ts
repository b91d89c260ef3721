import { openAccount, type Account } from './accounts.ts';
import { exceptionsIn } from './exceptions.ts';
import { startFleet, type Fleet } from './fleet.ts';
import { happen, type Marks } from './happenings.ts';
import { Client } from './load.ts';
import { machineNow } from './machine-clock.ts';
import { obey, type Obeyed } from './obedient.ts';
import type { Random } from './random.ts';
import { readRecords } from './records.ts';
import { forgetRedisCalls, redisCalls } from './redis-calls.ts';
import type { Trial } from './trial.ts';
import { judge, slow, type Failure, type Verdict } from './verdict.ts';

/** What came out of one trial. */
export interface Outcome {
  readonly trial: Trial;
  readonly verdicts: readonly Verdict[];
  readonly obeyed: readonly Obeyed[];
  /** Null without Redis, or where Redis was lost and with it its counts. */
  readonly callsPerHundred: number | null;
  /** Exceptions to the promise that the gates counted, by name. */
  readonly exceptions: ReadonlyMap<string, number>;
  readonly requests: number;
  /** Connections to Redis that ended between call and reply. */
  readonly lost: number;
  /** How much later than planned a request was sent, at most. */
  readonly lateMs: number;
  readonly clockErrorMs: number;
  readonly failures: readonly Failure[];
}

/** Before the load begins gates get to know each other, and their code gets warm. */
const SETTLE_MS = 1500;
const WARM_UP_PER_SECOND = 300;

export async function runTrial(trial: Trial, folder: string, random: Random): Promise<Outcome> {
  const warmUp = openAccount('warm-up', ['100000/second'], [[]]);
  const accounts = [warmUp, ...[...trial.offers, ...trial.obedient].map(({ account }) => account)];
  const fleet = await startFleet({ ...trial, accounts }, folder, random);
  const client = new Client('load', fleet.gates);
  // With connections of their own, so that their questions do not wait in line behind the load.
  const obedient = new Client('obedient', fleet.gates);
  const marks: Marks = new Map();
  try {
    await warm(fleet, warmUp, random);
    await forgetRedisCalls(fleet);
    marks.set('start', machineNow());
    const [obeyed] = await Promise.all([
      Promise.all(trial.obedient.map((plan) => obey(obedient, plan, fleet.gates.length))),
      client.offer(trial.offers, random),
      happen(trial.happenings, fleet, marks),
    ]);
    marks.set('end', machineNow());
    const calls = marks.has('lost') ? null : await redisCalls(fleet);
    const exceptions = await exceptionsIn(fleet.gates);
    await fleet.stop();
    return await concluded(
      trial,
      fleet,
      { sent: [...client.sent, ...obedient.sent], lateMs: client.lateMs },
      marks,
      { obeyed, calls, exceptions },
    );
  } finally {
    await fleet.stop();
    await client.close();
    await obedient.close();
  }
}

async function warm({ gates }: Fleet, account: Account, random: Random): Promise<void> {
  const client = new Client('warm-up', gates);
  const weights = gates.map(() => 1);
  await client.offer([{ account, perSecond: WARM_UP_PER_SECOND, weights, forMs: SETTLE_MS }], random);
  await client.close();
}

async function concluded(
  trial: Trial,
  fleet: Fleet,
  { sent, lateMs }: Pick<Client, 'sent' | 'lateMs'>,
  marks: Marks,
  told: {
    readonly obeyed: readonly Obeyed[];
    readonly calls: number | null;
    readonly exceptions: ReadonlyMap<string, number>;
  },
): Promise<Outcome> {
  const records = await readRecords(fleet.gates);
  const verdicts = judge(trial, { sent, records, upstream: fleet.upstream.seen, marks });
  const callsPerHundred = told.calls === null ? null : (100 * told.calls) / sent.length;
  const most = trial.callsMost;
  const tooMany = most !== null && callsPerHundred !== null && callsPerHundred > most;
  return {
    trial,
    verdicts,
    obeyed: told.obeyed,
    callsPerHundred,
    exceptions: told.exceptions,
    requests: sent.length,
    lost: fleet.relays.reduce((sum, { lost }) => sum + lost, 0),
    lateMs,
    clockErrorMs: records.errorMs,
    failures: [
      ...verdicts.flatMap(({ promised, failures }) =>
        failures.map((failure) => ({
          ...failure,
          what: `${promised.whose} ${promised.id}: ${failure.what}`,
        })),
      ),
      // A gate that is late with telling of an ended lease makes another refuse too early.
      ...told.obeyed.flatMap(disobeyed).map(slow),
      ...(tooMany
        ? [slow(`${callsPerHundred.toFixed(1)} Redis calls per 100 requests, at most ${most}`)]
        : []),
    ],
  };
}

function disobeyed({ plan, refused, strange, requests }: Obeyed): string[] {
  const who = `a client that obeys ${plan.heeds} on ${plan.account.limits.join(', ')}`;
  return [
    ...(refused === 0 ? [] : [`${who} was refused ${refused} times in ${requests} requests`]),
    ...(strange === 0 ? [] : [`${who} was answered in another way ${strange} times`]),
  ];
}
