import { existsSync } from 'node:fs';

const SETPRIV = '/usr/bin/setpriv';

/** A command that, on Linux, the kernel ends when this process is gone, also when it was killed. */
export function boundCommand(
  command: string,
  args: readonly string[],
): readonly [command: string, args: readonly string[]] {
  const isBound = process.platform === 'linux' && existsSync(SETPRIV);
  return isBound ? [SETPRIV, ['--pdeathsig', 'KILL', command, ...args]] : [command, args];
}
