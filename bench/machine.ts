import { readFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';

/** Whatever is measured runs on the one core; load, upstream, Redis and key service run on the other. */
export const SERVER_CORE = '0';
export const LOAD_CORE = '1';

const MICROSECONDS_PER_TICK = 10_000;

/** User and system time a process has had, in microseconds; the kernel counts in hundredths of a second. */
export function cpuMicrosecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * MICROSECONDS_PER_TICK;
}

/** Resident memory in MiB. */
export function mebibytesOf(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

export function describeMachine(): string {
  const [cpu] = cpus();
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  return `${cpus().length} cores of ${cpu?.model.trim()}, ${memory}, Node ${process.versions.node}`;
}
