import { randomBytes } from 'node:crypto';
import { digestOf } from '../../src/core/secret.ts';
import { makeKey, type AdminApi } from '../revocation/admin.ts';
import { reasonOf, type Answer } from '../revocation/connection.ts';
import type { Fleet, Gate } from '../revocation/fleet.ts';
import { Load } from '../revocation/load.ts';

/** A key in use, a key this gate has never seen, a revoked one, and one of an owner with a limit. */
export const KINDS = ['warm', 'cold', 'revoked', 'limited'] as const;
export type Kind = (typeof KINDS)[number];

/** What each is answered where nothing is wrong. */
export const WELL = { warm: 200, cold: 200, revoked: 401, limited: 200 } as const satisfies Record<
  Kind,
  number
>;

const LINES = 4;
const EVERY_MS = 100;
/** What all lines of one kind send. */
export const PER_SECOND = (LINES * 1000) / EVERY_MS;

/** One answer of one kind. */
export interface Seen {
  readonly answer: Answer;
  readonly ms: number;
  readonly reason: string;
}

/** Keys of each kind, made where nothing is wrong. */
export class Keys {
  readonly #admin: AdminApi;
  readonly #steady: Readonly<Record<Exclude<Kind, 'cold'>, string>>;
  #cold: string[] = [];

  private constructor(admin: AdminApi, steady: Readonly<Record<Exclude<Kind, 'cold'>, string>>) {
    this.#admin = admin;
    this.#steady = steady;
  }

  static async make(fleet: Fleet): Promise<Keys> {
    const { admin } = fleet;
    await admin.putOwner('free', { profile: 'standard', tier: 'default' });
    await admin.putOwner('limited', { profile: 'standard', tier: 'silver' });
    const [warm, revoked, limited] = [
      await makeKey(admin, 'free'),
      await makeKey(admin, 'free'),
      await makeKey(admin, 'limited'),
    ];
    for (const { key } of [warm, revoked, limited]) await fleet.warm(key);
    const { status } = await admin.revoke(revoked.keyId);
    if (status !== 200) throw new Error(`a key was not revoked: ${status}`);
    return new Keys(admin, { warm: warm.key, revoked: revoked.key, limited: limited.key });
  }

  /** Nobody has asked for any of these. */
  async bringCold(count: number): Promise<void> {
    const texts = Array.from({ length: count }, () => randomBytes(24).toString('hex'));
    const keys = texts.map((text) => ({
      sha256: digestOf(text),
      owner: 'free',
      name: 'cold',
      profile: 'standard',
      permission: 'read_write',
    }));
    const { status, body } = await this.#admin.call('POST', '/admin/v1/keys/import', { keys });
    if (status !== 201) throw new Error(`keys were not imported: ${status} ${JSON.stringify(body)}`);
    this.#cold = texts;
  }

  /** Null where there is none left. */
  next(kind: Kind): string | null {
    return kind === 'cold' ? (this.#cold.pop() ?? null) : this.#steady[kind];
  }
}

/** A steady trickle of requests of each kind to one gate, and all that was answered. */
export class Callers {
  readonly #loads: readonly Load<Kind>[];
  readonly #seen: Readonly<Record<Kind, Seen[]>> = { warm: [], cold: [], revoked: [], limited: [] };

  constructor(gate: Gate, keys: Keys) {
    this.#loads = KINDS.map(
      (kind) =>
        new Load<Kind>({
          gates: [gate],
          connectionsPerGate: LINES,
          everyMs: EVERY_MS,
          next: () => {
            const key = keys.next(kind);
            return key === null ? null : { key, about: kind };
          },
          seen: ({ answer }) =>
            this.#seen[kind].push({
              answer,
              ms: answer.endedAt - answer.begunAt,
              reason: reasonOf(answer),
            }),
        }),
    );
  }

  /** Connections on which the gate gave no answer. */
  get lost(): number {
    return this.#loads.reduce((sum, { lost }) => sum + lost, 0);
  }

  /** Of requests that began between these instants, in the order of their beginnings. */
  between(kind: Kind, from: number, to: number): Seen[] {
    return this.#seen[kind]
      .filter(({ answer }) => answer.begunAt >= from && answer.begunAt < to)
      .toSorted((a, b) => a.answer.begunAt - b.answer.begunAt);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#loads.map((load) => load.stop()));
  }
}
