import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { freePorts } from '../../test/support/redis-programs.ts';
import { GateProcess } from '../accuracy/gate-process.ts';
import { percentile } from '../revocation/percentile.ts';
import { download, readEvents, upload } from './bulk-client.ts';
import { startBulkOrigin, type Tally } from './bulk-origin.ts';

export interface Transfer {
  readonly direction: 'down' | 'up';
  readonly sent: Tally;
  readonly received: Tally;
  readonly seconds: number;
  /** Bytes of resident memory of the gate, several times a second. */
  readonly memory: readonly number[];
}

export interface Streamed {
  readonly transfers: readonly Transfer[];
  /** Milliseconds of each event, through the gate and without it. */
  readonly events: { readonly gate: readonly number[]; readonly direct: readonly number[] };
}

const SAMPLE_MS = 100;
const EVENT_STREAMS = 20;
const EVENTS = 100;

/** So many bytes down and up through a gate that runs as a process of its own, and events through it. */
export async function stream(bytes: number): Promise<Streamed> {
  const folder = await mkdtemp(join(tmpdir(), 'plexgate-streams-'));
  const origin = await startBulkOrigin();
  const gate = new GateProcess({
    name: 'gate',
    folder,
    clockShiftMs: 0,
    config: await configFor(origin.origin),
  });
  try {
    await gate.start();
    const port = gate.port ?? 0;
    const events = {
      gate: await eventsOver(port),
      direct: await eventsOver(Number(new URL(origin.origin).port)),
    };
    const down = await measured(gate, () => download(port, bytes));
    const up = await measured(gate, () => upload(port, bytes));
    return {
      events,
      transfers: [
        { direction: 'down', sent: origin.downloaded, received: down.tally, ...down.figures },
        { direction: 'up', sent: up.tally, received: origin.uploaded, ...up.figures },
      ],
    };
  } finally {
    await gate.stop();
    await origin.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Whether the memory of the second half is that of the first: buffers fill once, and then no more. */
export function isConstant({ memory }: Transfer): boolean {
  const half = Math.ceil(memory.length / 2);
  return percentile(memory.slice(half), 1) <= percentile(memory.slice(0, half), 1) * 1.25 + 16 * 2 ** 20;
}

async function configFor(origin: string): Promise<object> {
  const [port, adminPort] = await freePorts(2);
  return {
    admin: { port: adminPort },
    proxy: { host: '127.0.0.1', port, routes: [{ auth: 'none', upstream: origin }] },
    log: { level: 'info' },
  };
}

async function eventsOver(port: number): Promise<number[]> {
  const streams = Array.from({ length: EVENT_STREAMS }, () => readEvents(port, EVENTS));
  return (await Promise.all(streams)).flat();
}

async function measured(gate: GateProcess, transfer: () => Promise<Tally>) {
  const memory: number[] = [];
  const sample = async (): Promise<void> => {
    const metrics = await gate.metrics();
    memory.push(metrics.find(({ name }) => name === 'process_resident_memory_bytes')?.value ?? Number.NaN);
  };
  const sampling = setInterval(() => void sample().catch(() => undefined), SAMPLE_MS);
  const startedAt = performance.now();
  const tally = await transfer();
  const seconds = (performance.now() - startedAt) / 1000;
  clearInterval(sampling);
  await sample();
  return { tally, figures: { seconds, memory } };
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { gigabytes: { type: 'string', default: '10' } } });
  const { transfers, events } = await stream(Number(values.gigabytes) * 1e9);
  let wrong = 0;
  for (const transfer of transfers) {
    const { direction, sent, received, seconds, memory } = transfer;
    const isWhole = sent.bytes === received.bytes && sent.checksum === received.checksum;
    if (!isWhole || !isConstant(transfer)) wrong++;
    const mib = (part: number): string => (percentile(memory, part) / 2 ** 20).toFixed(0);
    tell(
      `${direction}: ${(received.bytes / 1e9).toFixed(1)} GB in ${seconds.toFixed(1)} s, ${isWhole ? 'as they were' : 'NOT AS THEY WERE'}; ` +
        `memory ${mib(0.5)} MiB in the median, ${mib(1)} MiB at most${isConstant(transfer) ? '' : ', GROWING'}`,
    );
  }
  for (const [way, latencies] of Object.entries(events)) {
    const ms = (part: number): string => percentile(latencies, part).toFixed(2);
    tell(`events, ${way}: ${latencies.length}, ${ms(0.5)} ms in the median, ${ms(0.99)} ms at p99`);
    if (latencies.length !== EVENT_STREAMS * EVENTS) wrong++;
  }
  return wrong === 0 ? 0 : 1;
}

function tell(line: string): void {
  process.stdout.write(`${line}\n`);
}

if (import.meta.main) process.exitCode = await main();
