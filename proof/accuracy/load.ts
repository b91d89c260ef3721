import { Pool } from 'undici';
import type { Account } from './accounts.ts';
import type { GateProcess } from './gate-process.ts';
import { machineNow } from './machine-clock.ts';
import type { Random } from './random.ts';

/** What is offered to one owner's limits, from the start of the load for a while. */
export interface Offer {
  readonly account: Account;
  readonly perSecond: number;
  /** How the requests spread over the gates. */
  readonly weights: readonly number[];
  readonly forMs: number;
}

/** A request as its client saw it. */
export interface Sent {
  readonly id: string;
  readonly keyId: string;
  readonly account: Account;
  readonly sentAt: number;
  /** The gate it was sent to; null where none was up. */
  readonly gate: GateProcess | null;
  /** 0 where no answer came. */
  status: number;
}

const TICK_MS = 2;
const CONNECTIONS = 100;
const ANSWER_MS = 15_000;

/** Sends requests to gates over kept connections and remembers each of them. */
export class Client {
  readonly #name: string;
  readonly #gates: readonly GateProcess[];
  readonly #pools = new Map<number, Pool>();
  readonly #underWay = new Set<Promise<void>>();
  readonly sent: Sent[] = [];
  /** How much later than planned a request was sent, at most. */
  lateMs = 0;

  /** The name begins the ids of its requests; no two clients of a run have the same. */
  constructor(name: string, gates: readonly GateProcess[]) {
    this.#name = name;
    this.#gates = gates;
  }

  /**
   * An open loop: requests come at random, on average as many as offered, and do not wait for each other's answers.
   * One whose gate is down goes to the next one that is up, as behind any load balancer.
   */
  async offer(offers: readonly Offer[], random: Random): Promise<void> {
    const startedAt = machineNow();
    const streams = offers.map((offer) => ({ offer, dueMs: random.pauseMs(offer.perSecond), turn: 0 }));
    for (let last = false; !last;) {
      const nowMs = machineNow() - startedAt;
      last = true;
      for (const stream of streams) {
        const { offer } = stream;
        while (stream.dueMs <= nowMs && stream.dueMs < offer.forMs) {
          this.lateMs = Math.max(this.lateMs, nowMs - stream.dueMs);
          this.#start(offer.account, stream.turn++, random.placeOf(offer.weights));
          stream.dueMs += random.pauseMs(offer.perSecond);
        }
        last &&= stream.dueMs >= offer.forMs;
      }
      await new Promise((resolve) => setTimeout(resolve, TICK_MS));
    }
    await Promise.all(this.#underWay);
  }

  #start(account: Account, turn: number, wanted: number): void {
    const key = account.keys[turn % account.keys.length];
    const request = this.ask(account, key?.id ?? '', wanted).then(() => undefined);
    this.#underWay.add(request);
    void request.finally(() => this.#underWay.delete(request));
  }

  /** One request with a key of the account. Never rejects. */
  async ask(
    account: Account,
    keyId: string,
    wanted: number,
  ): Promise<{ sent: Sent; headers: AnswerHeaders }> {
    const key = account.keys.find(({ id }) => id === keyId);
    const id = `${this.#name}-${this.sent.length}`;
    const gate = this.#upFrom(wanted);
    const sent: Sent = { id, keyId, account, sentAt: machineNow(), gate, status: 0 };
    this.sent.push(sent);
    const port = gate?.port ?? null;
    if (port === null || key === undefined) return { sent, headers: {} };
    try {
      const answer = await this.#poolOf(port).request({
        path: '/',
        method: 'GET',
        headers: { authorization: `Bearer ${key.text}`, 'x-request-id': id },
      });
      sent.status = answer.statusCode;
      await answer.body.dump();
      return { sent, headers: answer.headers };
    } catch {
      // A gate was killed; its status stays 0.
      return { sent, headers: {} };
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#pools.values()].map((pool) => pool.destroy()));
  }

  #upFrom(wanted: number): GateProcess | null {
    const count = this.#gates.length;
    const inTurn = this.#gates.map((_, i) => this.#gates[(wanted + i) % count]);
    return inTurn.find((gate) => gate !== undefined && gate.port !== null) ?? null;
  }

  #poolOf(port: number): Pool {
    let pool = this.#pools.get(port);
    if (pool === undefined) {
      pool = new Pool(`http://127.0.0.1:${port}`, {
        connections: CONNECTIONS,
        pipelining: 1,
        headersTimeout: ANSWER_MS,
        keepAliveTimeout: 60_000,
      });
      this.#pools.set(port, pool);
    }
    return pool;
  }
}

export type AnswerHeaders = Readonly<Record<string, string | string[] | undefined>>;
