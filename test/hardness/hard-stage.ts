import { until } from '../proxy/forward-stage.ts';
import { startGate, type TestGate } from '../support/gate.ts';
import type { HeaderLine } from '../support/http-message.ts';
import { RawConnection } from '../support/raw-client.ts';
import { startTalkingUpstream, type Call, type TalkingUpstream } from '../support/talking-upstream.ts';
import { Fixtures } from '../support/wire-fixtures.ts';

const CONFIG = `
proxy:
  failedAuthentication: off
  timeouts: { connect: 10s, firstByte: 10s, bodyIdle: 10s }
  routes:
    - { match: { path: / }, profile: standard, upstream: '{upstream}', rules: [{ path: /open/**, auth: none }] }
    - { match: { path: /admin }, profile: standard, upstream: '{upstream}', access: write }
    - { match: { host: closed.test, path: / }, profile: plexe, upstream: '{upstream}', workspace: W9 }
    - { match: { path: /mcp }, profile: standard, upstream: '{upstream}', access: by-mcp-method }
keyService: {}
`;

/** A gate in front of an upstream that records each byte, and clients that decide each byte. */
export class HardStage {
  readonly gate: TestGate;
  readonly upstream: TalkingUpstream;
  readonly fixtures: Fixtures;
  #callsBefore = 0;
  #opened: RawConnection[] = [];

  private constructor(gate: TestGate, upstream: TalkingUpstream, fixtures: Fixtures) {
    this.gate = gate;
    this.upstream = upstream;
    this.fixtures = fixtures;
  }

  static async start(): Promise<HardStage> {
    const upstream = await startTalkingUpstream();
    const gate = await startGate({ config: CONFIG.replaceAll('{upstream}', upstream.origin) });
    const fixtures = new Fixtures(gate);
    await fixtures.prepare('{S} {RO} {RW}');
    return new HardStage(gate, upstream, fixtures);
  }

  /** What has arrived at the upstream since `fresh`. */
  get arrived(): readonly Call[] {
    return this.upstream.calls.slice(this.#callsBefore);
  }

  /** Between two tests: connections dropped, the upstream tells what it was asked, nothing has arrived. */
  fresh(): void {
    for (const connection of this.#opened.splice(0)) connection.drop();
    this.upstream.does(tellTarget);
    this.#callsBefore = this.upstream.calls.length;
  }

  /** The last request, once there is one. */
  async arrival(): Promise<Call> {
    await until(() => this.arrived.length > 0, 'a request');
    const call = this.arrived.at(-1);
    if (call === undefined) throw new Error('nothing has arrived');
    return call;
  }

  async open(method = 'GET'): Promise<RawConnection> {
    const connection = await RawConnection.open(this.gate.port, method);
    this.#opened.push(connection);
    return connection;
  }

  /** Latin-1 text with the keys in it, on a connection of its own. */
  async send(text: string, method = 'GET'): Promise<RawConnection> {
    const connection = await this.open(method);
    connection.send(this.fixtures.fill(text));
    return connection;
  }

  async stop(): Promise<void> {
    this.fresh();
    await this.gate.stop();
    await this.upstream.stop();
  }
}

/** Answers, when all of the request is there, with its target. */
function tellTarget({ socket, startLine, ended }: Call): void {
  const target = startLine.split(' ')[1] ?? '';
  void ended.then(() =>
    socket.write(
      startLine.startsWith('HEAD ')
        ? `HTTP/1.1 200 OK\r\nContent-Length: ${target.length}\r\n\r\n`
        : `HTTP/1.1 200 OK\r\nContent-Length: ${target.length}\r\n\r\n${target}`,
    ),
  );
}

/** What the gate adds to each request, or writes anew. */
const OURS =
  /^(?:host|connection|content-length|transfer-encoding|x-(?:key|owner|user|workspace|request)-id|x-permission-level|x-tier|x-allowed-mcps|x-forwarded-(?:for|proto|host))$/i;

/** The lines of a request that are the client's own. */
export function ownLines({ headers }: { readonly headers: readonly HeaderLine[] }): string[] {
  return headers.filter(([name]) => !OURS.test(name)).map(([name, value]) => `${name}: ${value}`);
}

export const KEYED = 'Host: gate.test\r\nx-api-key: {S}\r\n';
