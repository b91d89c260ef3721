import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { RedisServer } from '../../test/support/redis-servers.ts';
import { makeKey, type MadeKey } from './admin.ts';
import { askOnce, reasonOf } from './connection.ts';
import type { Fleet } from './fleet.ts';
import type { Findings } from './proof.ts';
import type { Caller } from './upstream.ts';
import { mustBeOnly, Watch } from './watch.ts';

const HEAD = 'plexgate:head';
const NEWS = 'plexgate:news';
/** Longer than what is known stays fresh, so that every gate reads what was written. */
const READ_AGAIN_MS = 1300;
const ROUNDS = 4;

export interface ForgeryOptions {
  readonly fleet: Fleet;
  readonly redis: RedisServer;
  readonly findings: Findings;
  /** The file of all commands Redis was given. */
  readonly commands: string;
}

/** Somebody who can read and write all of Redis, and has no token. */
export class Forgery {
  readonly #options: ForgeryOptions;

  constructor(options: ForgeryOptions) {
    this.#options = options;
  }

  /** Resolves with what is to be told of it. */
  async run(): Promise<string> {
    const { fleet, findings } = this.#options;
    const made = [await this.#known(), await this.#known(), await this.#known()] as const;
    const [altered, revoked, steady] = made;
    const strange = `strange-${randomBytes(16).toString('hex')}`;
    const watch = new Watch(fleet.gates, steady.key);
    const before = await this.#forged();

    const genuine = await this.#record(altered.key);
    const past = await this.#record(revoked.key);
    await fleet.admin.revoke(revoked.keyId);
    const claimed = genuine.replaceAll(/"as_of":\d+/g, '"as_of":999999999');
    for (let round = 0; round < ROUNDS; round++) {
      // A record made for nobody's key, one that has been changed, and one from before the revocation, as new as can be.
      await this.#put(strange, claimed.replaceAll(digestOf(altered.key), digestOf(strange)));
      await this.#put(altered.key, claimed.replace('"tier":"default"', '"tier":"gold"'));
      await this.#put(revoked.key, round === 0 ? past : past.replaceAll(/"as_of":\d+/g, '"as_of":999999999'));
      await this.#disturb();
      await this.#look(altered, revoked, strange);
      // By then what the gates hold is old, and they look in Redis.
      await pause(READ_AGAIN_MS);
    }
    await this.#writeNonsense(altered.key, strange);
    await watch.stop();
    mustBeOnly(findings, watch.statuses(0, Infinity), [200], 'a good key, with forgeries beside it');
    const counted = (await this.#forged()) - before;
    findings.must(counted > 0, 'no metric counts forged records and messages');
    return `${counted} forged records and messages counted, none believed`;
  }

  /** A key whose record stands in Redis. */
  async #known(): Promise<MadeKey> {
    const { fleet } = this.#options;
    const made = await makeKey(fleet.admin, 'owner');
    await fleet.warm(made.key);
    return made;
  }

  async #record(key: string): Promise<string> {
    const { redis, findings } = this.#options;
    const name = nameOf(key);
    const text = await redis.cli('GET', name);
    findings.must(text.includes('"tier":"default"'), `there is no record under ${name.slice(0, 20)}...`);
    return text;
  }

  async #put(key: string, record: string): Promise<void> {
    const keepMs = /"keep":(\d+)/.exec(record)?.[1] ?? '60000';
    await this.#options.redis.cli('SET', nameOf(key), record, 'PX', keepMs);
  }

  /** A head and messages that nobody of ours wrote. */
  async #disturb(): Promise<void> {
    const { redis, commands } = this.#options;
    const genuine = /"PUBLISH" "plexgate:news" "(.*)"$/im.exec(readFileSync(commands, 'latin1'))?.[1];
    const real = (genuine ?? '{"head":1}').replaceAll('\\"', '"').replaceAll('\\n', '\n');
    for (const text of ['', 'nonsense', real.replace(/\d+/, '999999'), `${real}x`]) {
      await redis.cli('PUBLISH', NEWS, text);
    }
    const kind = await redis.cli('TYPE', HEAD);
    if (kind === 'string') await redis.cli('SET', HEAD, 'nonsense');
    else await redis.cli('DEL', HEAD);
  }

  async #look(altered: MadeKey, revoked: MadeKey, strange: string): Promise<void> {
    const { fleet, findings } = this.#options;
    for (const { port } of fleet.gates) {
      const unknown = await askOnce(port, strange);
      findings.must(unknown.status === 401, `a key nobody made was answered ${unknown.status}`);
      const over = await askOnce(port, revoked.key);
      findings.must(over.status === 401, `a revoked key with its old record was answered ${over.status}`);
      const same = await askOnce(port, altered.key);
      findings.must(
        same.status === 200 && (JSON.parse(same.body) as Caller).tier === 'default',
        `a key whose record was changed was answered ${same.status} ${reasonOf(same)} ${same.body}`,
      );
    }
  }

  /** Values of every other kind where records are read. */
  async #writeNonsense(known: string, strange: string): Promise<void> {
    const { redis, fleet, findings } = this.#options;
    for (const key of [known, strange]) {
      const name = nameOf(key);
      await redis.cli('SET', name, randomBytes(3000).toString('base64'));
      await pause(READ_AGAIN_MS);
      await this.#expect(key, key === known ? 200 : 401);
      await redis.cli('DEL', name);
      await redis.cli('LPUSH', name, 'nonsense');
      await pause(READ_AGAIN_MS);
      await this.#expect(key, key === known ? 200 : 401);
    }
    const states = await Promise.all(fleet.programs.map(async ({ isRunning }) => isRunning));
    findings.must(
      states.every((running) => running),
      'a process has ended over what stands in Redis',
    );
  }

  async #expect(key: string, status: number): Promise<void> {
    const { fleet, findings } = this.#options;
    for (const { port } of fleet.gates) {
      const answer = await askOnce(port, key);
      findings.must(answer.status === status, `with nonsense in Redis a key was answered ${answer.status}`);
    }
  }

  /** What the gates have counted, by whichever metric. */
  async #forged(): Promise<number> {
    const { fleet } = this.#options;
    const scrapes = await Promise.all(fleet.gates.map((gate) => fleet.scrape(gate)));
    return scrapes.reduce((sum, scrape) => sum + scrape.forged, 0);
  }
}

function digestOf(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}

function nameOf(key: string): string {
  return `plexgate:key:{${digestOf(key)}}`;
}
