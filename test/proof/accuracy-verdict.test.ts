import { describe, expect, test } from 'vitest';
import { openAccount } from '../../proof/accuracy/accounts.ts';
import { GateProcess } from '../../proof/accuracy/gate-process.ts';
import type { Sent } from '../../proof/accuracy/load.ts';
import { judge, type Seen, type Verdict } from '../../proof/accuracy/verdict.ts';
import type { Trial } from '../../proof/accuracy/trial.ts';

const ACCOUNT = openAccount('owner', ['100/second'], [[]]);
const SECONDS = 4;

const TRIAL: Trial = {
  name: 'made up',
  mode: 'exact',
  redis: 'none',
  relays: false,
  clockShiftsMs: [0],
  offers: [{ account: ACCOUNT, perSecond: 200, weights: [1], forMs: SECONDS * 1000 }],
  obedient: [],
  happenings: [],
  periods: [
    {
      name: 'after the first window',
      from: { mark: 'start', plusMs: 0, plusWindows: 1 },
      to: { mark: 'end', plusMs: 0, plusWindows: 0 },
      least: 0.98,
    },
  ],
  callsMost: null,
  mustBeJudged: false,
  killsGates: false,
  mayBeUnknown: false,
};

interface Request {
  readonly at: number;
  readonly accepted: boolean;
}

/** 200 requests a second, of which the first hundred of each second are accepted. */
function twiceTheLimit(accepted = (inSecond: number) => inSecond < 100): Request[] {
  return Array.from({ length: 200 * SECONDS }, (_, i) => ({ at: 5 * i, accepted: accepted(i % 200) }));
}

/** What would be seen of these requests, each of which took a tenth of a millisecond to decide. */
function seen(
  requests: readonly Request[],
  change: (seen: Seen, sent: Sent[]) => Partial<Seen> = () => ({}),
): Seen {
  const sent = requests.map(({ at, accepted }, i) => ({
    id: `r${i}`,
    keyId: ACCOUNT.keys[0]?.id ?? '',
    account: ACCOUNT,
    sentAt: at - 0.1,
    gate: null,
    status: accepted ? 200 : 429,
  }));
  const entries = requests.map(
    ({ at, accepted }, i) => [`r${i}`, { arrivedAt: at, handedOverAt: at + 0.1, accepted }] as const,
  );
  const whole: Seen = {
    sent,
    records: { entries: new Map(entries), errorMs: 0.004 },
    upstream: new Map(
      requests.flatMap(({ at, accepted }, i) => (accepted ? [[`r${i}`, at + 0.2] as const] : [])),
    ),
    marks: new Map([
      ['start', 0],
      ['end', SECONDS * 1000],
    ]),
  };
  return { ...whole, ...change(whole, sent) };
}

function verdictOf(trial: Trial, what: Seen): Verdict {
  const [verdict] = judge(trial, what);
  if (verdict === undefined) throw new Error('there is none');
  return verdict;
}

describe('the verdict on a limit', () => {
  test('is good where it was used up and never exceeded', () => {
    const verdict = verdictOf(TRIAL, seen(twiceTheLimit()));
    expect(verdict.failures).toEqual([]);
    expect(verdict).toMatchObject({
      worst: { accepted: 100 },
      taken: { offered: 800, logged: 400 },
      used: [{ share: 1, ofPossible: 1, arrived: 2 }],
    });
  });

  test('is broken by one acceptance too many across a boundary of windows', () => {
    const requests = twiceTheLimit().map((one) => (one.at === 3995 ? { ...one, accepted: true } : one));
    expect(verdictOf(TRIAL, seen(requests)).failures).toEqual([
      { what: '101 for 100/second in the window from second 3.000 on', mayBeTheMachine: false },
    ]);
  });

  test('is broken where the upstream saw a request that no log has as accepted', () => {
    const what = seen(twiceTheLimit(), ({ upstream }) => ({
      upstream: new Map([...upstream, ['r150', 751]]),
    }));
    expect(verdictOf(TRIAL, what).failures).toMatchObject([
      { what: '1 requests reached the upstream and no log has their acceptance', mayBeTheMachine: false },
    ]);
  });

  test('counts what a killed gate could not log by what client and upstream saw', () => {
    const gate = new GateProcess({ name: 'gate', folder: '', config: {}, clockShiftMs: 0 });
    Object.defineProperty(gate, 'wasKilled', { value: true });
    const what = seen(twiceTheLimit(), ({ records }, sent) => ({
      sent: sent.map((one, i) => (i === 7 ? { ...one, gate } : one)),
      records: { ...records, entries: new Map([...records.entries].filter(([id]) => id !== 'r7')) },
    }));
    const verdict = verdictOf({ ...TRIAL, killsGates: true }, what);
    expect(verdict.failures).toEqual([]);
    expect(verdict).toMatchObject({ taken: { logged: 399, witnessed: 1 }, worst: { accepted: 100 } });
  });

  test.each([
    [503, false, ['1 answers 503']],
    [0, false, ['1 answers that never came']],
    [0, true, []],
  ])('of an answer %i with killed gates %s is %j', (status, killsGates, failures) => {
    const what = seen(twiceTheLimit(), (_, sent) => ({
      sent: sent.map((one, i) => (i === 150 ? { ...one, status } : one)),
    }));
    expect(verdictOf({ ...TRIAL, killsGates }, what).failures.map((failure) => failure.what)).toEqual(
      failures,
    );
  });

  test('has no place for 503 but where limits may be lost before they are reached', () => {
    const unknown = seen(twiceTheLimit(), (_, sent) => ({
      sent: sent.map((one) => (one.status === 429 ? { ...one, status: 503 } : one)),
    }));
    expect(verdictOf(TRIAL, unknown).failures).toEqual([{ what: '400 answers 503', mayBeTheMachine: true }]);
    expect(verdictOf({ ...TRIAL, mayBeUnknown: true }, unknown).failures).toEqual([]);
  });

  test('asks for a second run where too little was used', () => {
    const verdict = verdictOf(TRIAL, seen(twiceTheLimit((i) => i < 97)));
    expect(verdict.failures).toEqual([
      { what: 'used 97.0 % after the first window, at least 98.0 % is promised', mayBeTheMachine: true },
    ]);
  });

  test('does not blame the gates for requests that never came, but in a run that must show something', () => {
    const few = seen(twiceTheLimit().filter(({ at }) => at < 2500 || at >= 3500));
    expect(verdictOf(TRIAL, few)).toMatchObject({
      failures: [],
      used: [{ share: 2 / 3, ofPossible: 2 / 3, arrived: 4 / 3 }],
    });
    expect(verdictOf({ ...TRIAL, mustBeJudged: true }, few).failures).toEqual([
      { what: 'only 1.3 times the limit arrived after the first window', mayBeTheMachine: true },
    ]);
  });
});
