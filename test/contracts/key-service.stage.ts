import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { TestContext } from 'vitest';
import { Secret } from '../../src/core/secret.ts';
import { KeyServiceClient } from '../../src/proxy/keys/service-client.ts';
import { startOwnGate, type OwnGate } from './own-gate.ts';

/** What a gate grants what it knows where neither it nor the key service says less. */
export const FENCE_MS = 2000;

export interface MadeKey {
  readonly text: Secret;
  readonly keyId: string;
}

/** A key service that is reached over HTTP, with the means of whoever runs it to make and end keys. */
export interface ServedKeyService {
  readonly origin: string;
  readonly token: Secret;
  /** Makes a key, of this text or of a new one. */
  make(permission?: 'read_only' | 'read_write', text?: Secret): Promise<MadeKey>;
  /** Rejects where it is not certain that the key is dead. */
  revoke(
    keyId: string,
  ): Promise<{ readonly propagation?: { members: number; acked: number; fenced: number } }>;
  /** Resolves when nobody listens there any more; may be called again. */
  end(): Promise<void>;
  /** Ends it and starts it anew at the same place, with the same tokens. */
  restart(): Promise<ServedKeyService>;
}

export type StartKeyService = () => Promise<ServedKeyService>;

export const aKey = (): Secret => new Secret(randomBytes(24).toString('base64url'));

/** Starts key services and gates that end with the test whose `onTestFinished` it is given. */
export class KeyServiceStage {
  readonly #start: StartKeyService;
  readonly #atEnd: TestContext['onTestFinished'];

  constructor(start: StartKeyService, { onTestFinished }: Pick<TestContext, 'onTestFinished'>) {
    this.#start = start;
    this.#atEnd = onTestFinished;
  }

  async served(): Promise<ServedKeyService> {
    const service = await this.#start();
    this.#atEnd(() => service.end());
    return service;
  }

  async restarted(service: ServedKeyService): Promise<ServedKeyService> {
    const again = await service.restart();
    this.#atEnd(() => again.end());
    return again;
  }

  /** What a gate asks by. */
  clientOf({ origin }: ServedKeyService, token: Secret): KeyServiceClient {
    const client = new KeyServiceClient({ service: { origin, basePath: '', token } });
    this.#atEnd(() => client.close());
    return client;
  }

  /** A key service and what a gate asks it by. */
  async asked(): Promise<{ readonly service: ServedKeyService; readonly client: KeyServiceClient }> {
    const service = await this.served();
    return { service, client: this.clientOf(service, service.token) };
  }

  async gateOf(service: Pick<ServedKeyService, 'origin' | 'token'>): Promise<OwnGate> {
    const gate = await startOwnGate(service);
    this.#atEnd(() => gate.stop());
    return gate;
  }
}

export interface Seen {
  /** Milliseconds from `since` to the start of the request. */
  readonly beganMs: number;
  readonly status: number;
}

/** What requests with the key get, one after another, until one that began so long after `since`. */
export async function watch(gate: OwnGate, key: Secret, since: number, untilMs: number): Promise<Seen[]> {
  const seen: Seen[] = [];
  for (;;) {
    const beganMs = performance.now() - since;
    seen.push({ beganMs, status: await gate.status(key) });
    if (beganMs > untilMs) return seen;
    await pause(20);
  }
}

export function statusesOf(seen: readonly Seen[], afterMs = -Infinity): number[] {
  return [...new Set(seen.filter(({ beganMs }) => beganMs > afterMs).map(({ status }) => status))];
}
