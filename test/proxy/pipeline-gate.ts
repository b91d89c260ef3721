import { randomBytes } from 'node:crypto';
import type { Decision } from '../../src/core/decision.ts';
import type { KeyRecord } from '../../src/core/key.ts';
import { composeKey } from '../../src/core/key-shape.ts';
import { readHead } from '../../src/core/request-head.ts';
import { digestOf } from '../../src/core/secret.ts';
import type { KeySource } from '../../src/core/wire.ts';
import { FailedAuthentications } from '../../src/proxy/failed-authentications.ts';
import { KeyLookup } from '../../src/proxy/keys/lookup.ts';
import type { Limiter } from '../../src/proxy/limiter/limiter.ts';
import { MemoryLimiter } from '../../src/proxy/limiter/memory.ts';
import { MemorySlots } from '../../src/proxy/limiter/slots/memory-slots.ts';
import { decide, type Gate } from '../../src/proxy/pipeline.ts';
import { Policies } from '../../src/proxy/policy.ts';
import { Routes, type Place } from '../../src/proxy/routes.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { KnownKeys } from '../support/key-source.ts';
import { recordOf } from '../support/key-record.ts';
import { proxyConfigOf } from '../support/proxy-config.ts';
import { Renewed } from '../support/renewed.ts';

export const CONFIG = `
proxy:
  failedAuthentication: 3/15m
  tiers:
    plexe: { basic: [5/minute], enterprise: unlimited }
    plexmcp: { free: [5/minute] }
  routes:
    - match: { path: / }
      profile: standard
      upstream: 'http://127.0.0.1:1'
      rules:
        - { path: /open/**, auth: none }
        - { path: /infer, methods: [POST], access: read }
        - { path: /admin/**, access: write }
    - { match: { path: /plexe }, profile: plexe, upstream: 'http://127.0.0.1:1' }
    - { match: { path: /w1 }, profile: standard, workspace: W1, upstream: 'http://127.0.0.1:1' }
    - { match: { path: /mcp-api }, stripPath: true, profile: plexmcp, upstream: 'http://127.0.0.1:1' }
keyService: {}
`;

const USUAL = proxyConfigOf(CONFIG);

export interface Asked {
  readonly method?: string;
  readonly url?: string;
  readonly httpVersion?: string;
  /** Null: no Host line. */
  readonly host?: string | null;
  /** Flat; Host is added. */
  readonly headers?: readonly string[];
  readonly address?: string;
  readonly upgrade?: boolean;
}

/** A key of our own shape, made anew each time. */
export function newKey(): string {
  return composeKey('plx_sk_', randomBytes);
}

/** The pipeline over real parts, a key service of literals and a clock that the test moves. */
export class PipelineGate {
  readonly clock = new FakeClock();
  readonly source = new KnownKeys();
  readonly renewed = new Renewed({ clock: this.clock });
  /** `plexe/basic allow` and so on. */
  readonly limited: string[] = [];
  readonly slots = new MemorySlots();
  /** Of all requests together. */
  readonly waits = { keyMs: 0, limitsMs: 0 };
  readonly gate: Gate;

  constructor(parts: { limiter?: Limiter; source?: KeySource; config?: string } = {}) {
    const config = parts.config === undefined ? USUAL : proxyConfigOf(parts.config);
    const { clock, renewed } = this;
    this.gate = {
      routes: new Routes(config.routes, ({ upstream, credential }) => ({
        ...(upstream.kind === 'http' ? upstream : { origins: [''], basePath: '' }),
        credential,
        isManagement: false,
      })),
      keys: new KeyLookup({
        ...config.keys,
        source: parts.source ?? this.source,
        knowledge: renewed.knowledge,
        member: renewed.member,
        shared: null,
        clock,
        events: { answered: () => undefined, took: () => undefined, coalesced: () => undefined },
      }),
      knowledge: renewed.knowledge,
      policies: new Policies(config),
      limiter: parts.limiter ?? new MemoryLimiter(clock),
      slots: this.slots,
      forbidden: new MemoryLimiter(clock),
      failures: new FailedAuthentications(config.failedAuthentication, clock),
      clock,
      excess: () => null,
      checkedPrefixes: config.keys.checksum === 'require' ? Object.values(config.keys.prefixes) : [],
      limited: (tier, result) => void this.limited.push(`${tier} ${result}`),
    };
  }

  /** A key that the key service knows under this record. */
  add(fields: Parameters<typeof recordOf>[0] = {}): string {
    const key = newKey();
    this.put(key, recordOf(fields));
    return key;
  }

  put(key: string, record: KeyRecord): void {
    this.source.records.set(digestOf(key), record);
  }

  async ask(asked: Asked): Promise<Decision<Place>> {
    return this.begin(asked);
  }

  /** As the pipeline returns it: a promise only where something has to be waited for. */
  begin({ host = 'gate.test', headers = [], ...asked }: Asked): ReturnType<typeof decide> {
    const head = readHead([...(host === null ? [] : ['Host', host]), ...headers]);
    const facts = { method: 'GET', url: '/', httpVersion: '1.1', address: '203.0.113.9', upgrade: false };
    return decide({ ...facts, ...asked, head, waits: this.waits }, this.gate);
  }

  /** With this key as x-api-key. */
  use(key: string, asked: Asked = {}): Promise<Decision<Place>> {
    return this.ask({ ...asked, headers: [...(asked.headers ?? []), 'x-api-key', key] });
  }
}

/** `permit`, or the reason of the denial. */
export async function said(decision: Promise<Decision<Place>>): Promise<string> {
  const made = await decision;
  return made.kind === 'permit' ? 'permit' : made.reason;
}
