import type { AssertionTerms } from '../core/assertion.ts';
import type { CredentialForwarding } from '../core/forward-headers.ts';
import type { Limit, StatedLimit } from '../core/limit.ts';
import type { OriginalFamily } from '../core/original-request.ts';
import type { AccessMode } from '../core/permission.ts';
import type { Profile, Scheme } from '../core/profile.ts';
import type { Secret } from '../core/secret.ts';

/**
 * The configuration as the program uses it: complete, defaulted, parsed. Durations are milliseconds. No field is
 * optional; null means "not there" and says what follows from it.
 */
export interface Config {
  readonly admin: AdminConfig;
  /** Null: no Redis; limits are in memory, for one replica. */
  readonly redis: RedisConfig | null;
  /** Null where the file has no `proxy` section: this process is no gate. */
  readonly proxy: ProxyConfig | null;
  /** Null where the file has no `keyService` section: this process holds no keys. */
  readonly keyService: KeyServiceConfig | null;
  readonly log: { readonly level: LogLevel };
  /** Null: nothing is traced. */
  readonly tracing: TracingConfig | null;
}

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface AdminConfig {
  readonly host: string;
  readonly port: number;
  /** Null: off loopback only the open paths answer. */
  readonly token: Secret | null;
}

export interface TracingConfig {
  /** URL of a collector that takes OTLP over HTTP. */
  readonly endpoint: string;
  /** From 0 to 1: the part of the traces beginning here that is kept. */
  readonly sample: number;
  /** Whose context is continued. */
  readonly callers: 'any' | 'trusted' | 'none';
  readonly headers: ReadonlyMap<string, Secret>;
  readonly service: string;
  readonly resource: ReadonlyMap<string, string>;
}

export interface RedisConfig {
  readonly servers:
    | { readonly kind: 'single'; readonly host: string; readonly port: number }
    /** `name` is what the Sentinels call the master. */
    | { readonly kind: 'sentinel'; readonly sentinels: readonly RedisAddress[]; readonly name: string }
    /** Some of the nodes; the others are asked for. */
    | { readonly kind: 'cluster'; readonly nodes: readonly RedisAddress[] };
  /** 0 but for a single server or Sentinel. */
  readonly database: number;
  readonly username: string | null;
  readonly password: Secret | null;
  /** Null: in clear. `ca` null: the system's authorities; `cert` and `key` null: no certificate of our own. Paths. */
  readonly tls: {
    readonly ca: string | null;
    readonly cert: string | null;
    readonly key: string | null;
  } | null;
  readonly protocol: 2 | 3;
}

export interface RedisAddress {
  readonly host: string;
  readonly port: number;
}

/** The second door: proxies that forward by themselves ask it for decisions. */
export interface ForwardAuthConfig {
  readonly host: string;
  readonly port: number;
  /** Networks in CIDR form of those who may ask. */
  readonly trustedProxies: readonly string[];
  /** The one family of headers that tells of the original request. */
  readonly headers: OriginalFamily;
  /** `status`: a refusal has its own status; 403: every one is a 403 that tells its status beside. */
  readonly denyAs: 'status' | 403;
  /** What refusals are signed with; null: the service token, or what this process makes for itself. */
  readonly refusalSecret: Secret | null;
}

export interface ProxyConfig {
  readonly host: string;
  readonly port: number;
  /** Null: there is no second door. In the file it is a section of its own. */
  readonly forwardAuth: ForwardAuthConfig | null;
  /** Paths; null: in clear. */
  readonly tls: { readonly cert: string; readonly key: string } | null;
  /** Null: the public authorities vouch for upstreams. */
  readonly upstreamTls: { readonly ca: string } | null;
  /** Networks in CIDR form whose forwarding headers are believed. */
  readonly trustedProxies: readonly string[];
  readonly keys: {
    /** The key service of another process; null: there is `file`, or the key service of this process. */
    readonly service: {
      readonly origin: string;
      readonly basePath: string;
      readonly token: Secret;
    } | null;
    /** Where owners and keys are; null: a key service has them. */
    readonly file: string | null;
    readonly cacheSize: number;
    readonly freshForMs: number;
    /** How long the gate goes on without the key service while Redis confirms that nothing has changed. */
    readonly staleIfErrorMs: number;
    readonly negativeForMs: number;
    /** How long knowledge may be used without a renewal, where the key service does not grant less. */
    readonly fenceMs: number;
    readonly checksum: 'require' | 'ignore';
    /** Key prefixes of our own shape, by profile. */
    readonly prefixes: Readonly<Record<Profile, string>>;
  };
  readonly limits: {
    readonly mode: 'leased' | 'exact';
    /** With Redis away: each replica its part, no limits, or nothing that is limited. */
    readonly whenRedisIsDown: 'share' | 'open' | 'closed';
  };
  /** Failed authentications a client address may make; null: not throttled. */
  readonly failedAuthentication: Limit | null;
  readonly tiers: Tiers;
  /** PLEXMCP_SELF_HOSTED of the environment is `true` in any case, or `1`: owners of plexmcp have no limits. */
  readonly plexmcpSelfHosted: boolean;
  readonly timeouts: {
    readonly headerMs: number;
    readonly bodyIdleMs: number;
    readonly connectMs: number;
    readonly firstByteMs: number;
    readonly idleMs: number;
  };
  /** Null: nothing is signed. */
  readonly identity: AssertionTerms | null;
  readonly bounds: {
    readonly headerBytes: number;
    readonly inFlight: number;
    readonly connectionsPerAddress: number;
    readonly loopDelayMs: number;
  };
  /** How many keys have a series of their own at most. */
  readonly metrics: { readonly perKey: number };
  readonly drain: { readonly delayMs: number; readonly timeoutMs: number };
  readonly routes: readonly RouteConfig[];
}

/** Limits by tier name, in the order of the file; the first tier is what an unknown name falls back to. Empty list: unlimited. */
export type Tiers = Readonly<Record<Profile, ReadonlyMap<string, readonly StatedLimit[]>>>;

export interface RouteConfig {
  /** What logs and metrics call the route: host and path of its match. */
  readonly id: string;
  /** Lower case, without port; null matches every host. */
  readonly host: string | null;
  /** Prefix by whole segments, starting with `/`, no `/` at its end except for `/` itself. */
  readonly path: string;
  readonly stripPath: boolean;
  readonly profile: Profile;
  readonly accept: readonly Scheme[];
  readonly schemeCase: 'any' | 'strict';
  readonly auth: 'required' | 'none';
  readonly access: AccessMode;
  /** In the order of the file; the first that matches the path as forwarded holds. */
  readonly rules: readonly RuleConfig[];
  /** Only keys of this workspace may pass; null: of any. */
  readonly workspace: string | null;
  readonly upstream: UpstreamConfig;
  readonly credential: CredentialForwarding;
  /** Whom assertions are for; null: there are none. */
  readonly audience: string | null;
}

/** Null fields leave what the route says. */
export interface RuleConfig {
  /** `*` stands for one segment, a last `**` for everything below. */
  readonly path: string;
  readonly methods: readonly string[] | null;
  readonly auth: 'required' | 'none' | null;
  readonly access: AccessMode | null;
  readonly accept: readonly Scheme[] | null;
}

/**
 * `origins` are scheme, host and port of one or more that do the same; `basePath` is put before every forwarded path and
 * never ends in `/`.
 */
export type UpstreamConfig =
  | { readonly kind: 'http'; readonly origins: readonly string[]; readonly basePath: string }
  /** The demo: answers with what it was sent. */
  | { readonly kind: 'echo' }
  /** The management endpoints: the key service of the same file, which gets the service token and who is calling. */
  | { readonly kind: 'key-service' };

export interface KeyServiceConfig {
  readonly host: string;
  readonly port: number;
  readonly store:
    | { readonly kind: 'sqlite'; readonly path: string }
    /** The URL may hold a password; `shown` is the URL without its secrets. */
    | { readonly kind: 'postgres'; readonly url: Secret; readonly shown: string };
  /** Any of them is accepted, so that a token can rotate; null: made at first start. */
  readonly serviceTokens: readonly Secret[] | null;
  readonly adminTokens: readonly Secret[] | null;
  /** `current` names the pepper new digests are kept under; null: made at first start. */
  readonly peppers: { readonly current: string; readonly secrets: ReadonlyMap<string, Secret> } | null;
  /** Null: there is no console. */
  readonly console: ConsoleConfig | null;
}

export interface ConsoleConfig {
  /** Where people find it, without a path; null: by the names of this machine, over plain HTTP. */
  readonly origin: string | null;
  /** How long a session goes on without anything done in it, and in any case. */
  readonly idleMs: number;
  readonly longestMs: number;
  /** Networks whose X-Forwarded-For is believed. */
  readonly trustedProxies: readonly string[];
}
