import { setTimeout as pause } from 'node:timers/promises';
import { startPostgres } from '../../../test/support/postgres.ts';
import { startRedis } from '../../../test/support/redis-servers.ts';
import { Fleet } from '../fleet.ts';
import { Chaos } from '../history/chaos.ts';
import { Model, type ModelKey } from '../history/model.ts';
import { Operations } from '../history/operations.ts';
import { Weather } from '../history/weather.ts';
import { Load, type Exchange } from '../load.ts';
import { percentile } from '../percentile.ts';
import type { Findings, Proof, Stage } from '../proof.ts';

const STALE_MS = 4000;
const OWNERS = 6;
const FIRST_KEYS = 24;
const QUICK_MS = 25_000;
const FULL_OPERATIONS = 1_000_000;

/**
 * A random history of management calls, requests and faults against a model: what a call that has returned made true,
 * no request that begins afterwards may contradict. Calls and answered requests count as operations.
 */
export const history: Proof = {
  name: 'history',
  async run(stage, findings) {
    const { fleet, redis } = await startWorld(stage);
    const weather = new Weather();
    stage.atEnd(() => weather.stop());
    const model = new Model(weather, STALE_MS);
    const zero = performance.now();
    const trace = tracing(model, weather, findings, zero);
    await firstKeys(fleet, model);
    await Promise.all(model.keys.slice(0, 1).map(({ key }) => fleet.warm(key)));
    const operations = new Operations({
      model,
      random: stage.random,
      keyServices: fleet.keyServices,
      wrong: (what, key) => trace(what, key),
    });
    const chaos = new Chaos({ fleet, redis, random: stage.random, weather });
    const seen = new Map<number, number>();
    const load = new Load<ModelKey>({
      gates: fleet.gates,
      connectionsPerGate: 4,
      everyMs: stage.quick ? 20 : 5,
      next: () => {
        const key = choose(model, stage);
        return key === null ? null : { key: key.key, about: key };
      },
      seen: ({ gate, about, answer }) => {
        seen.set(answer.status, (seen.get(answer.status) ?? 0) + 1);
        const wrong = model.judge(about, answer, gate.program.name);
        if (wrong !== null) trace(wrong, about, { gate, about, answer });
      },
    });
    operations.start(10, 100);
    chaos.start();
    await until(stage, zero, () => load.answered + callsOf(operations));
    await chaos.stop();
    await operations.stop();
    await load.stop();
    findings.must(load.lost === 0, `${load.lost} requests had their connection broken by a gate`);
    tell(findings, { operations, chaos, load, seen });
  },
};

async function startWorld(stage: Stage) {
  const redis = await startRedis();
  stage.atEnd(() => redis.stop());
  const postgres = await startPostgres();
  stage.atEnd(() => postgres.stop());
  const fleet = await Fleet.start(stage, {
    redis: redis.port,
    relays: true,
    keyServices: stage.quick ? 2 : 3,
    store: (await postgres.createDatabase()).reveal(),
    keys: { freshFor: '2s', negativeFor: '2s', staleIfError: `${STALE_MS / 1000}s` },
  });
  return { fleet, redis };
}

async function firstKeys(fleet: Fleet, model: Model): Promise<void> {
  for (let i = 0; i < OWNERS; i++) {
    await fleet.admin.putOwner(`owner-${i}`, { profile: 'standard', tier: 'default' });
    model.addOwner(`owner-${i}`, 'default');
  }
  for (let i = 0; i < FIRST_KEYS; i++) {
    const owner = model.owners[i % OWNERS];
    if (owner === undefined) break;
    const { body } = await fleet.admin.create(owner.id);
    model.addKey({ keyId: String(body['key_id']), key: String(body['key']) }, owner);
  }
}

/** The youngest keys and those just ended are asked for more often than the rest. */
function choose({ keys }: Model, { random }: Stage): ModelKey | null {
  if (keys.length === 0) return null;
  const recent = random.chance(0.5) ? keys.slice(-12) : keys;
  return random.oneOf(recent);
}

async function until({ quick }: Stage, zero: number, done: () => number): Promise<void> {
  while (quick ? performance.now() - zero < QUICK_MS : done() < FULL_OPERATIONS) await pause(100);
}

function callsOf({ counts }: Operations): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}

/** Writes the first contradiction with all that led to it; the others are counted. */
function tracing(model: Model, weather: Weather, findings: Findings, zero: number) {
  let violations = 0;
  return (what: string, key: ModelKey, exchange?: Exchange<ModelKey>): void => {
    violations++;
    // Whether an answer of 503 has an excuse depends on the machine, too.
    const tell = (text: string): void =>
      what.startsWith('503') ? findings.inTime(false, text) : findings.must(false, text);
    if (violations > 1) return tell(`${what}, key ${key.keyId}`);
    const second = (at: number): string => ((at - zero) / 1000).toFixed(3);
    const lines = [what];
    if (exchange !== undefined) {
      const { gate, answer } = exchange;
      const during = `${second(answer.begunAt)} to ${second(answer.endedAt)}`;
      lines.push(`request on ${gate.program.name} from ${during}: ${answer.status} ${answer.body}`);
    }
    lines.push(...model.describe(key, zero), 'weather:', ...weather.describe(zero));
    tell(lines.join('\n      '));
  };
}

function tell(
  findings: Findings,
  done: {
    readonly operations: Operations;
    readonly chaos: Chaos;
    readonly load: Load<ModelKey>;
    readonly seen: ReadonlyMap<number, number>;
  },
): void {
  const { operations, chaos, load, seen } = done;
  const list = (counts: ReadonlyMap<string | number, number>): string =>
    [...counts].map(([name, count]) => `${name} ${count}`).join(', ');
  findings.note(`${load.answered + callsOf(operations)} operations`);
  findings.note(`answers ${list(seen)}`);
  findings.note(`calls ${list(operations.counts)}`);
  findings.note(`faults ${list(chaos.counts)}`);
  const { revokeMs, uncertain } = operations;
  findings.note(
    `DELETE p50 ${percentile(revokeMs, 0.5).toFixed(0)} ms, longest ${Math.max(...revokeMs).toFixed(0)} ms`,
  );
  findings.note(`${uncertain} answered 202`);
}
