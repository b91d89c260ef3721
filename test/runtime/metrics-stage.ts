import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { readExposition, type Family } from '../support/exposition.ts';
import { startGate, type TestGate, type TestGateOptions } from '../support/gate.ts';
import { valuesOf } from '../support/http-message.ts';
import { RawConnection } from '../support/raw-client.ts';
import { startTalkingUpstream, type TalkingUpstream } from '../support/talking-upstream.ts';
import { Fixtures } from '../support/wire-fixtures.ts';

const CONFIG = `
proxy:
  host: 127.0.0.1
  port: 0
  failedAuthentication: off
  timeouts: { firstByte: 1s }
  tiers: { plexe: { basic: [5/hour], pro: [500/minute], enterprise: unlimited } }
  routes:
    - { match: { path: /plexe }, profile: plexe, upstream: '{upstream}' }
    - { match: { host: mcp.test, path: /mcp }, profile: plexmcp, upstream: '{upstream}' }
    - match: { path: /standard }
      profile: standard
      upstream: '{upstream}'
      rules: [{ path: /standard/open/**, auth: none }]
    - { match: { path: /gone }, profile: standard, upstream: 'http://127.0.0.1:{closed}' }
keyService: { port: 0 }
`;

/** A gate of four routes, scraped as Prometheus does it. */
export class MetricsStage {
  readonly gate: TestGate;
  readonly upstream: TalkingUpstream;
  readonly fixtures: Fixtures;
  /** The scrape before any request. */
  readonly first: Scrape;

  private constructor(gate: TestGate, upstream: TalkingUpstream, fixtures: Fixtures, first: Scrape) {
    this.gate = gate;
    this.upstream = upstream;
    this.fixtures = fixtures;
    this.first = first;
  }

  static async start(
    change: (config: string) => string = (config) => config,
    more: Pick<TestGateOptions, 'tracing'> = {},
  ): Promise<MetricsStage> {
    const upstream = await startTalkingUpstream();
    const closed = await startTalkingUpstream();
    await closed.stop();
    const config = CONFIG.replaceAll('{upstream}', upstream.origin).replace(
      '{closed}',
      new URL(closed.origin).port,
    );
    const gate = await startGate({ config: change(config), lookupMs: 0, ...more });
    const first = await Scrape.of(gate.adminPort);
    const fixtures = new Fixtures(gate);
    await fixtures.prepare('{RW} {RO} {URW} {S} {REV} {M1}');
    return new MetricsStage(gate, upstream, fixtures, first);
  }

  scrape(): Promise<Scrape> {
    return Scrape.of(this.gate.adminPort);
  }

  /** One request, with keys of fixtures filled in; its status, or null where the client leaves without an answer. */
  async send(text: string, leaveAfterMs: number | null = null): Promise<number | null> {
    const connection = await RawConnection.open(this.gate.port, text.startsWith('HEAD') ? 'HEAD' : 'GET');
    try {
      connection.send(Buffer.from(this.fixtures.fill(text), 'latin1'));
      if (leaveAfterMs === null) return (await connection.answer()).status;
      await new Promise((resolve) => setTimeout(resolve, leaveAfterMs));
      return null;
    } finally {
      connection.drop();
    }
  }

  /** Many requests, none of them HEAD, over a few connections. */
  async sendAll(texts: readonly string[]): Promise<void> {
    let next = 0;
    const worker = async (): Promise<void> => {
      let connection = await RawConnection.open(this.gate.port);
      for (let text = texts[next++]; text !== undefined; text = texts[next++]) {
        connection.send(text);
        const answer = await connection.answer();
        if (!valuesOf(answer, 'connection').includes('close')) continue;
        connection.drop();
        connection = await RawConnection.open(this.gate.port);
      }
      connection.drop();
    };
    await Promise.all(Array.from({ length: 16 }, worker));
  }

  async stop(): Promise<void> {
    await this.gate.stop();
    await this.upstream.stop();
  }
}

/** What the admin port answered to a scraper. */
export class Scrape {
  readonly text: string;
  readonly contentType: string;
  readonly families: ReadonlyMap<string, Family>;

  private constructor(text: string, contentType: string) {
    this.text = text;
    this.contentType = contentType;
    this.families = readExposition(text);
  }

  static async of(adminPort: number): Promise<Scrape> {
    const answer = await fetch(`http://127.0.0.1:${adminPort}/metrics`);
    return new Scrape(await answer.text(), answer.headers.get('content-type') ?? '');
  }

  /** The sum over all series of a metric whose labels are these. */
  sum(name: string, labels: Record<string, string> = {}): number {
    const samples = this.families.get(`plexgate_${name}`)?.samples ?? [];
    return samples
      .filter((sample) => Object.entries(labels).every(([label, value]) => sample.labels[label] === value))
      .reduce((total, { value }) => total + value, 0);
  }
}

/** The names that docs/metrics.md lists. */
export function documentedNames(): string[] {
  const page = readFileSync('docs/metrics.md', 'utf8');
  return [...page.matchAll(/^\| `([a-z0-9_]+)` \|/gm)].map(([, name]) => name ?? '');
}

/** What `promtool check metrics` has to say; empty where it is content. Rejects where it is not. */
export async function promtoolSays(path: string, text: string): Promise<string> {
  const run = promisify(execFile)(path, ['check', 'metrics']);
  run.child.stdin?.end(text);
  const { stdout, stderr } = await run;
  return stdout + stderr;
}
