import type { Fleet } from './fleet.ts';

/** Commands that a gate sends and that no script calls, so that what scripts do inside of Redis is not counted. */
const CALLS = new Set(
  'eval evalsha eval_ro evalsha_ro fcall fcall_ro ping script|load script|exists'.split(' '),
);

/** Calls that the one Redis of the fleet has had since its statistics were last set to 0; null without one. */
export async function redisCalls({ single }: Fleet): Promise<number | null> {
  if (single === null) return null;
  const lines = (await single.cli('INFO', 'commandstats')).split('\n');
  return lines.reduce((sum, line) => {
    const [, command = '', calls] = /^cmdstat_([^:]+):calls=(\d+)/.exec(line) ?? [];
    return CALLS.has(command) ? sum + Number(calls) : sum;
  }, 0);
}

export async function forgetRedisCalls({ single }: Fleet): Promise<void> {
  await single?.cli('CONFIG', 'RESETSTAT');
}
