import type { HeaderLine } from '../support/http-message.ts';
import { exchange, requestBytes, type RawAnswer } from '../support/raw-client.ts';
import { startStage, type Stage, type StageOptions } from '../support/stage.ts';

/** A question as a proxy puts it, byte by byte. */
export interface Question {
  readonly method?: string;
  readonly target?: string;
  readonly headers: readonly HeaderLine[];
  readonly body?: string;
}

/** A gate whose second door is as the section says. Its first door, and the upstream, are there as well. */
export function startAskedGate(
  section: string,
  options: Partial<StageOptions> & { readonly limits?: string } = {},
): Promise<Stage> {
  const { limits = 'unlimited', ...more } = options;
  const config = `
forwardAuth: ${section}
keyService: {}
proxy:
  tiers: { standard: { default: ${limits} } }
  routes:
    - match: { path: / }
      rules: [{ path: /health, auth: none }]
      upstream: '{upstream}'
`;
  return startStage({ config, fixtures: '{S} {SRO} {REV}', ...more });
}

export function ask(
  { gate, fixtures }: Stage,
  { method = 'GET', target = '/authorize', headers, body = '' }: Question,
): Promise<RawAnswer> {
  const hasHost = headers.some(([name]) => name.toLowerCase() === 'host');
  const lines = headers.map(([name, value]): HeaderLine => [name, fixtures.fill(value)]);
  const host: HeaderLine[] = hasHost ? [] : [['Host', 'plexgate.internal']];
  return exchange(gate.forwardAuthPort, requestBytes({ method, target, headers: [...host, ...lines], body }));
}

/** What nginx and HAProxy say of a request, as the recipes have it. */
export function original(
  more: readonly HeaderLine[] = [],
  { method = 'GET', uri = '/orders', host = 'gate.test', address = '192.0.2.1' } = {},
): HeaderLine[] {
  return [
    ['X-Original-Method', method],
    ['X-Original-URI', uri],
    ['X-Original-Host', host],
    ['X-Original-Address', address],
    ...more,
  ];
}

/** What Caddy and Traefik say of it. */
export function forwarded(
  more: readonly HeaderLine[] = [],
  { method = 'GET', uri = '/orders', host = 'gate.test', address = '192.0.2.1' } = {},
): HeaderLine[] {
  return [
    ['X-Forwarded-Method', method],
    ['X-Forwarded-Uri', uri],
    ['X-Forwarded-Host', host],
    ['X-Forwarded-For', address],
    ['X-Forwarded-Proto', 'http'],
    ...more,
  ];
}

/** The reason in a problem document. */
export function reasonOf({ body }: RawAnswer): unknown {
  return (JSON.parse(body.toString()) as Record<string, unknown>)['reason'];
}

export const KEY: HeaderLine = ['x-api-key', '{S}'];
export const READER: HeaderLine = ['x-api-key', '{SRO}'];
