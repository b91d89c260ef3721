import { existsSync, readFileSync } from 'node:fs';

export interface MemoryUse {
  /** The most that the container has ever had, page cache included. */
  readonly peakBytes: number;
  /** The most that its process has ever had in memory. */
  readonly peakResidentBytes: number;
  /** How often the kernel has ended a process of it for want of memory. */
  readonly kills: number;
}

/** What the kernel has counted for the container of a process. */
export function memoryOf(pid: number): MemoryUse {
  const folder = groupOf(pid);
  const isSecond = existsSync(`${folder}/memory.peak`);
  const read = (name: string): string => readFileSync(`${folder}/${name}`, 'utf8');
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return {
    peakBytes: Number(read(isSecond ? 'memory.peak' : 'memory.max_usage_in_bytes')),
    peakResidentBytes: Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024,
    kills: Number(/^oom_kill (\d+)$/m.exec(read(isSecond ? 'memory.events' : 'memory.oom_control'))?.[1]),
  };
}

/** Version 1 of control groups has a tree for memory alone, version 2 one for all. */
function groupOf(pid: number): string {
  const lines = readFileSync(`/proc/${pid}/cgroup`, 'utf8').split('\n');
  for (const line of lines) {
    const [, controllers = '', path = ''] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers.split(',').includes('memory')) return `/sys/fs/cgroup/memory${path}`;
  }
  const [, path = ''] = /^0::(.*)$/m.exec(lines.join('\n')) ?? [];
  return `/sys/fs/cgroup${path}`;
}
