import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { startGate, type TestGate } from '../support/gate.ts';
import { RawConnection, type RawAnswer } from '../support/raw-client.ts';
import { startTalkingUpstream, type TalkingUpstream } from '../support/talking-upstream.ts';
import { Fixtures } from '../support/wire-fixtures.ts';

const CONFIG = `
proxy:
  host: 127.0.0.1
  port: 0
  failedAuthentication: off
  timeouts: { connect: {deadline}ms, firstByte: {deadline}ms, bodyIdle: {deadline}ms }
  routes:
    - { match: { path: / }, profile: standard, upstream: '{upstream}' }
    - { match: { path: /plexe }, profile: plexe, upstream: '{upstream}' }
    - { match: { path: /plextera }, profile: plextera, upstream: '{upstream}' }
    - { match: { path: /plexmcp }, stripPath: true, profile: plexmcp, upstream: '{upstream}' }
    - { match: { path: /unconnectable }, profile: standard, upstream: '{tls}' }
    - { match: { path: /refused }, profile: plexmcp, upstream: 'http://127.0.0.1:{closed}' }
keyService: { port: 0 }
`;

/** A gate in front of an upstream that does what it is told. */
export class ForwardStage {
  readonly gate: TestGate;
  readonly upstream: TalkingUpstream;
  readonly #fixtures: Fixtures;
  readonly #opened: RawConnection[] = [];

  private constructor(gate: TestGate, upstream: TalkingUpstream, fixtures: Fixtures) {
    this.gate = gate;
    this.upstream = upstream;
    this.#fixtures = fixtures;
  }

  /** With this deadline for connecting, for the first byte and for each pause within a body. */
  static async start(deadlineMs: number): Promise<ForwardStage> {
    const upstream = await startTalkingUpstream();
    const closed = await startTalkingUpstream();
    await closed.stop();
    const config = CONFIG.replaceAll('{upstream}', upstream.origin)
      .replaceAll('{deadline}', String(deadlineMs))
      .replace('{tls}', upstream.origin.replace('http:', 'https:'))
      .replace('{closed}', new URL(closed.origin).port);
    const gate = await startGate({ config });
    const fixtures = new Fixtures(gate);
    await fixtures.prepare('{S} {RW} {T1} {M1} {URW}');
    return new ForwardStage(gate, upstream, fixtures);
  }

  async open(method = 'GET'): Promise<RawConnection> {
    const connection = await RawConnection.open(this.gate.port, method);
    this.#opened.push(connection);
    return connection;
  }

  /** The bytes of a request; `key` names a fixture, sent as x-api-key, or says the whole line. */
  bytes(start: string, { key = 'S', lines = [] as string[], body = '' } = {}): string {
    const credential = key.includes(':') ? key : `x-api-key: {${key}}`;
    const head = [`${start} HTTP/1.1`, 'Host: gate.test', ...(key === '' ? [] : [credential]), ...lines];
    return this.#fixtures.fill(`${head.join('\r\n')}\r\n\r\n${body}`);
  }

  /** One request on a connection of its own. */
  async send(start: string, about?: Parameters<ForwardStage['bytes']>[1]): Promise<RawAnswer> {
    const connection = await this.open(start.split(' ', 1)[0]);
    connection.send(this.bytes(start, about));
    return connection.answer();
  }

  /** The log line of the request to this path, which is written when nothing more can happen to it. */
  async line(path: string): Promise<Record<string, unknown>> {
    const find = (): Record<string, unknown> | undefined =>
      this.gate.logLines
        .map((line) => JSON.parse(line) as Record<string, unknown>)
        .findLast((line) => line['path'] === path);
    await until(() => find() !== undefined, `the log line of ${path}`);
    return find() ?? {};
  }

  leave(): void {
    for (const connection of this.#opened.splice(0)) connection.drop();
  }

  async stop(): Promise<void> {
    this.leave();
    await this.gate.stop();
    await this.upstream.stop();
  }
}

export async function until(seen: () => boolean, what: string, patienceMs = 3000): Promise<void> {
  const deadline = Date.now() + patienceMs;
  while (!seen() && Date.now() < deadline) await sleep(5);
  expect(seen(), what).toBe(true);
}
