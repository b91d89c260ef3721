import type { RouteConfig, RuleConfig } from '../config/config.ts';
import type { AcceptedSchemes } from '../core/credential.ts';
import type { CredentialForwarding } from '../core/forward-headers.ts';
import type { Voice } from '../core/dialect.ts';
import { type AccessMode } from '../core/permission.ts';
import { speaksJsonRpc, type RequestHead } from '../core/request-head.ts';
import { hostName, otherReadingsOf, type Target } from '../core/target.ts';
import type { Scheme } from '../core/profile.ts';

/** Where a route's requests go, as addresses, and what they carry in place of the client's credential. */
export interface RouteUpstream {
  /** One or more that do the same. */
  readonly origins: readonly string[];
  readonly basePath: string;
  readonly credential: CredentialForwarding;
  /** The management endpoints: the upstream is the key service. */
  readonly isManagement: boolean;
}

/** A route ready for use: its upstream is an address, its rules are split into segments. */
export interface Route extends RouteUpstream {
  readonly config: RouteConfig;
  readonly rules: readonly Rule[];
  readonly accept: AcceptedSchemes;
  readonly voice: Voice;
  /** Whether a key may be used that, with the key service away, only Redis confirms. */
  readonly mayBeStale: boolean;
}

interface Rule {
  readonly config: RuleConfig;
  readonly segments: readonly string[];
  readonly methods: ReadonlySet<string> | null;
  readonly accept: AcceptedSchemes | null;
  /** Null: the route's. */
  readonly voice: Voice | null;
}

/** Where a request goes and what holds there: the route with the first matching rule applied. */
export interface Place {
  readonly route: Route;
  /** Path and query as the upstream gets them. */
  readonly forwardedPath: string;
  /** `forwardedPath` without base path and query, which rules match. */
  readonly path: string;
  /** `path`, and what else a reader that decodes it may take it for. */
  readonly readings: readonly string[];
  readonly auth: 'required' | 'none';
  readonly access: AccessMode;
  readonly accept: AcceptedSchemes;
  readonly voice: Voice;
}

export type Match =
  | { readonly kind: 'place'; readonly place: Place }
  | { readonly kind: 'no_route' }
  /** Another reading of the path leads to another route or rule, so an upstream might see another request. */
  | { readonly kind: 'ambiguous' };

const ANY_HOST = '*';
const MCP_ENDPOINT = '/mcp';

/**
 * Host and path to route. Routes of the request's host come before those of any host; among them the longest
 * prefix wins. The cost depends on the segments of the configured prefixes, not on how many routes there are.
 */
export class Routes {
  readonly #byHost = new Map<string, Map<string, Route>>();
  #deepest = 0;

  constructor(routes: readonly RouteConfig[], upstreamOf: (route: RouteConfig) => RouteUpstream) {
    for (const config of routes) {
      const host = config.host ?? ANY_HOST;
      const byPath = this.#byHost.get(host) ?? new Map<string, Route>();
      byPath.set(config.path, {
        config,
        ...upstreamOf(config),
        rules: config.rules.map((rule) => compile(rule, config)),
        accept: acceptedBy(config.accept, config),
        voice: voiceOf(config.profile, config.accept),
        // "There is no grace period once a key is deactivated" (Plextera's authentication page).
        mayBeStale: config.profile !== 'plextera',
      });
      this.#byHost.set(host, byPath);
      this.#deepest = Math.max(this.#deepest, config.path.split('/').length - 1);
    }
  }

  match(method: string, target: Target, head: RequestHead): Match {
    const host = hostName(head.host[0] ?? '');
    const route = this.#routeOf(host, target.path);
    if (target.otherReadings.some((reading) => this.#routeOf(host, reading) !== route)) {
      return { kind: 'ambiguous' };
    }
    if (route === null) return { kind: 'no_route' };
    const path = pathWithin(route, target.path);
    const rule = ruleOf(route, method, path);
    // Of the path that the upstream gets: stripping a prefix can leave one that reads otherwise than the whole did.
    const others = target.otherReadings.length === 0 ? [] : otherReadingsOf(path);
    if (others.some((reading) => ruleOf(route, method, reading) !== rule)) return { kind: 'ambiguous' };
    const { config } = route;
    const voice = rule?.voice ?? route.voice;
    const mcpEndpoint = config.profile === 'plexmcp' && isMcpEndpoint(path);
    return {
      kind: 'place',
      place: {
        route,
        path,
        readings: [path, ...others],
        forwardedPath: route.basePath + path + target.query,
        auth: rule?.config.auth ?? config.auth,
        access: rule?.config.access ?? config.access,
        accept: rule?.accept ?? route.accept,
        voice: mcpEndpoint ? { ...voice, mcpEndpoint, jsonRpc: speaksJsonRpc(head) } : voice,
      },
    };
  }

  #routeOf(host: string, path: string): Route | null {
    const own = this.#byHost.get(host);
    return (own && this.#longest(own, path)) ?? this.#longest(this.#byHost.get(ANY_HOST), path);
  }

  /** By the path's prefixes of whole segments, the longest first; `/` is the last. */
  #longest(routes: Map<string, Route> | undefined, path: string): Route | null {
    if (routes === undefined) return null;
    for (let end = endOfSegments(path, this.#deepest); end > 1; end = path.lastIndexOf('/', end - 1)) {
      const route = routes.get(path.slice(0, end));
      if (route !== undefined) return route;
    }
    return routes.get('/') ?? null;
  }
}

/** Where the first so many segments of the path end. */
function endOfSegments(path: string, segments: number): number {
  let end = 0;
  for (let depth = 0; depth < segments && end < path.length; depth++) {
    const slash = path.indexOf('/', end + 1);
    end = slash === -1 ? path.length : slash;
  }
  return end;
}

function pathWithin({ config }: Route, path: string): string {
  if (!config.stripPath || config.path === '/') return path;
  const rest = path.slice(config.path.length);
  return rest === '' ? '/' : rest;
}

function ruleOf(route: Route, method: string, path: string): Rule | null {
  if (route.rules.length === 0) return null;
  const segments = segmentsOf(path);
  return (
    route.rules.find(
      (rule) => (rule.methods === null || rule.methods.has(method)) && covers(rule.segments, segments),
    ) ?? null
  );
}

/** `*` is one segment, a last `**` any number of them. A slash at the end of either side makes no difference. */
function covers(pattern: readonly string[], segments: readonly string[]): boolean {
  const open = pattern.at(-1) === '**';
  const fixed = open ? pattern.length - 1 : pattern.length;
  if (open ? segments.length < fixed : segments.length !== fixed) return false;
  for (let i = 0; i < fixed; i++) {
    if (pattern[i] !== '*' && pattern[i] !== segments[i]) return false;
  }
  return true;
}

function segmentsOf(path: string): string[] {
  const segments = path.split('/').slice(1);
  if (segments.at(-1) === '') segments.pop();
  return segments;
}

function isMcpEndpoint(path: string): boolean {
  return path === MCP_ENDPOINT || path.startsWith(`${MCP_ENDPOINT}/`);
}

function compile(rule: RuleConfig, route: RouteConfig): Rule {
  return {
    config: rule,
    segments: segmentsOf(rule.path),
    methods: rule.methods === null ? null : new Set(rule.methods),
    accept: rule.accept === null ? null : acceptedBy(rule.accept, route),
    voice: rule.accept === null ? null : voiceOf(route.profile, rule.accept),
  };
}

/** How it is spoken to callers; on the MCP endpoint it depends on the request, too. */
function voiceOf(profile: RouteConfig['profile'], schemes: readonly Scheme[]): Voice {
  return { profile, schemes: [...new Set(schemes)], mcpEndpoint: false, jsonRpc: false };
}

function acceptedBy(schemes: readonly Scheme[], { schemeCase }: RouteConfig): AcceptedSchemes {
  return { schemes: new Set(schemes), schemeCase };
}
