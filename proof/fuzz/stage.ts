import { createServer, type AddressInfo, type Socket } from 'node:net';
import { startGate, type TestGate } from '../../test/support/gate.ts';
import { framingByHeaders, MessageReader } from '../../test/support/http-message.ts';
import { Fixtures } from '../../test/support/wire-fixtures.ts';
import type { Keys, Seen } from './judgement.ts';

const CONFIG = (origin: string): string => `
proxy:
  failedAuthentication: off
  timeouts: { connect: 10s, firstByte: 10s, bodyIdle: 10s }
  routes:
    - { match: { path: / }, profile: standard, upstream: '${origin}', rules: [{ path: /open/**, auth: none }] }
    - { match: { path: /admin }, profile: standard, upstream: '${origin}', access: write }
keyService: {}
log: { level: silent }
`;

/** A gate and an upstream that records what it got since it was asked last. */
export interface FuzzStage {
  readonly port: number;
  readonly keys: Keys;
  /** Whole requests in their order, and the start lines of those that broke off. */
  /** Fulfilled when no request is under way at the upstream, with false when that takes too long. */
  settled(): Promise<boolean>;
  taken(): { readonly whole: Seen[]; readonly broken: string[] };
  /** What the gate has logged of defects since the last call. */
  defects(): string[];
  stop(): Promise<void>;
}

/** What the gate adds, or writes anew. */
const OURS =
  /^(?:host|connection|content-length|transfer-encoding|upgrade|expect|x-(?:key|owner|user|workspace|request)-id|x-permission-level|x-tier|x-allowed-mcps|x-forwarded-(?:for|proto|host))$/i;

export async function startFuzzStage(): Promise<FuzzStage> {
  const upstream = await startRecorder();
  const gate = await startGate({ config: CONFIG(upstream.origin), lookupMs: 0 });
  const fixtures = new Fixtures(gate);
  await fixtures.prepare('{S} {SRO}');
  return {
    port: gate.port,
    keys: new Map([
      [fixtures.fill('{S}'), 'write'],
      [fixtures.fill('{SRO}'), 'read'],
    ]),
    settled: upstream.settled,
    taken: upstream.taken,
    defects: () => defectsOf(gate),
    async stop() {
      await gate.stop();
      await upstream.stop();
    },
  };
}

/** The log is kept by the gate of tests for as long as it runs; a million lines are too many. */
function defectsOf(gate: TestGate): string[] {
  const lines = (gate.logLines as string[]).splice(0);
  return lines.filter((line) => line.includes('"a defect"') || line.includes('internal_error'));
}

const SETTLE_MS = 10_000;

async function startRecorder() {
  let whole: Seen[] = [];
  let broken: string[] = [];
  const underWay = new Set<MessageReader>();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    const reader = new MessageReader({
      framing: (head) => framingByHeaders(head, 'none'),
      head: () => void underWay.add(reader),
      message: ({ startLine, headers, body, complete }) => {
        underWay.delete(reader);
        if (!complete) return void broken.push(startLine);
        const lines = headers
          .filter(([name]) => !OURS.test(name))
          .map(([name, value]) => `${name}: ${value}`);
        whole.push({ start: startLine, lines, body: body.toString('latin1') });
        const target = Buffer.from(startLine.split(' ')[1] ?? '', 'latin1');
        const head = `HTTP/1.1 200 OK\r\nContent-Length: ${target.length}\r\n\r\n`;
        socket.write(startLine.startsWith('HEAD ') ? head : Buffer.concat([Buffer.from(head), target]));
      },
    });
    socket.on('data', (bytes: Buffer) => reader.push(bytes));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      sockets.delete(socket);
      reader.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    settled: async () => {
      const deadline = performance.now() + SETTLE_MS;
      while (underWay.size > 0 && performance.now() < deadline) await new Promise(setImmediate);
      return underWay.size === 0;
    },
    taken: () => {
      const taken = { whole, broken };
      whole = [];
      broken = [];
      return taken;
    },
    stop: async () => {
      const stopped = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await stopped;
    },
  };
}
