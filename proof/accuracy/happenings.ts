import { setTimeout as pause } from 'node:timers/promises';
import type { Fleet } from './fleet.ts';
import { machineNow } from './machine-clock.ts';

/** Moments that verdicts refer to, in the machine's time. */
export type Mark = 'start' | 'lost' | 'returned' | 'end';
export type Marks = Map<Mark, number>;

/** What goes wrong in a run, and when, counted from the start of the load. */
export interface Happening {
  readonly atMs: number;
  readonly what: string;
  run(fleet: Fleet, marks: Marks): Promise<void>;
}

export async function happen(happenings: readonly Happening[], fleet: Fleet, marks: Marks): Promise<void> {
  await Promise.all(
    happenings.map(async (happening) => {
      await pause(happening.atMs);
      await happening.run(fleet, marks);
    }),
  );
}

/** Redis forgets the scripts it was given. */
export function scriptsForgotten(atMs: number): Happening {
  return {
    atMs,
    what: 'SCRIPT FLUSH',
    run: async ({ single }) => void (await single?.cli('SCRIPT', 'FLUSH')),
  };
}

/** Connections of some gates end between call and reply, again and again. */
export function repliesLost(atMs: number, gates: readonly number[], forMs: number): Happening {
  const chance = 0.2;
  return {
    atMs,
    what: `replies lost at gates ${gates.map((i) => i + 1).join(', ')} for ${forMs / 1000} s`,
    async run({ relays }) {
      for (const i of gates) relays[i]?.lose(chance);
      await pause(forMs);
      for (const i of gates) relays[i]?.lose(0);
    },
  };
}

/** One gate and Redis hear nothing of each other, and nobody tells them. */
export function cutOff(atMs: number, gate: number, forMs: number): Happening {
  return {
    atMs,
    what: `gate ${gate + 1} cut off from Redis for ${forMs / 1000} s`,
    async run({ relays }) {
      relays[gate]?.cut();
      await pause(forMs);
      relays[gate]?.heal();
    },
  };
}

/** SIGKILL, and a new start after a while. */
export function gateKilled(atMs: number, gate: number, downMs: number): Happening {
  return {
    atMs,
    what: `SIGKILL of gate ${gate + 1}, back after ${downMs / 1000} s`,
    async run({ gates }) {
      await gates[gate]?.kill();
      await pause(downMs);
      await gates[gate]?.start();
    },
  };
}

/** SIGKILL of Redis; after a while it is back, empty, as another process. */
export function redisKilled(atMs: number, awayMs: number): Happening {
  return {
    atMs,
    what: `Redis killed, back empty after ${awayMs / 1000} s`,
    async run({ single }, marks) {
      marks.set('lost', machineNow());
      await single?.kill();
      await pause(awayMs);
      await single?.start();
      marks.set('returned', machineNow());
    },
  };
}

/** Redis stands still and goes on later, with all its books and all calls it was sent. */
export function redisStopped(atMs: number, forMs: number): Happening {
  return {
    atMs,
    what: `Redis stopped for ${forMs / 1000} s`,
    async run({ single }) {
      single?.pause();
      await pause(forMs);
      single?.resume();
    },
  };
}

/** SIGKILL of the master; the Sentinels promote a replica, which may lack the last writes. */
export function masterKilled(atMs: number): Happening {
  return {
    atMs,
    what: 'SIGKILL of the master, a replica promoted',
    async run({ sentinel }, marks) {
      const master = await sentinel?.master();
      if (master === undefined) return;
      marks.set('lost', machineNow());
      await master.kill();
      await sentinel?.failedOver(master);
      marks.set('returned', machineNow());
    },
  };
}
