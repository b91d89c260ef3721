import { readdirSync, readFileSync } from 'node:fs';

/** Both in hundredths of a second, since the machine and the processes started. */
interface Spent {
  /** By whoever it was, or taken away by the machine's own host. */
  readonly busy: number;
  readonly idle: number;
  /** By this process and all it has started. */
  readonly ours: number;
}

/**
 * How much of the machine's processors others have used since this was made, from 0 to 1. Times measured while that is
 * much say little of the program. Where the system does not tell, nobody else is there.
 */
export class OtherWork {
  readonly #before = spent();

  share(): number {
    const after = spent();
    if (this.#before === null || after === null) return 0;
    const busy = after.busy - this.#before.busy;
    const all = busy + after.idle - this.#before.idle;
    const ours = after.ours - this.#before.ours;
    return all <= 0 ? 0 : Math.min(Math.max((busy - ours) / all, 0), 1);
  }
}

function spent(): Spent | null {
  try {
    const [, line = ''] = /^cpu +(.+)$/m.exec(readFileSync('/proc/stat', 'utf8')) ?? [];
    const [user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, soft = 0, steal = 0] = line
      .split(' ')
      .map(Number);
    return { busy: user + nice + system + irq + soft + steal, idle: idle + wait, ours: oursOf(process.pid) };
  } catch {
    return null;
  }
}

/** Of a process and what descends from it, those included that have ended and been waited for. */
function oursOf(root: number): number {
  const children = new Map<number, number[]>();
  const times = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    const fields = fieldsOf(name);
    if (fields === null) continue;
    const pid = Number(name);
    const parent = Number(fields[1]);
    children.set(parent, [...(children.get(parent) ?? []), pid]);
    const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
    times.set(pid, ticks);
  }
  const sum = (pid: number): number =>
    (children.get(pid) ?? []).reduce((total, child) => total + sum(child), times.get(pid) ?? 0);
  return sum(root);
}

/** The fields of /proc/PID/stat after the name of the program, of which the first is the state. */
function fieldsOf(name: string): string[] | null {
  if (!/^\d+$/.test(name)) return null;
  try {
    const text = readFileSync(`/proc/${name}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    // It has just ended.
    return null;
  }
}
