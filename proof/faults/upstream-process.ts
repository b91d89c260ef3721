import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { boundCommand } from '../../test/support/bound-command.ts';
import { freePorts } from '../../test/support/redis-programs.ts';
import type { Stage } from '../revocation/proof.ts';

const PROGRAM = join(import.meta.dirname, 'serve-upstream.ts');
const PATIENCE_MS = 30_000;

/** The service behind the gates as a process of its own, on a port that stays. */
export class UpstreamProcess {
  readonly port: number;
  #child: ChildProcess | null = null;

  private constructor(port: number) {
    this.port = port;
  }

  static async start(stage: Stage): Promise<UpstreamProcess> {
    const [port = 0] = await freePorts(1);
    const upstream = new UpstreamProcess(port);
    stage.atEnd(() => upstream.kill());
    await upstream.start();
    return upstream;
  }

  async start(): Promise<void> {
    const [command, args] = boundCommand(process.execPath, [PROGRAM, String(this.port)]);
    const { NODE_OPTIONS: _, ...env } = process.env;
    this.#child = spawn(command, args, { env, stdio: 'ignore' });
    const end = performance.now() + PATIENCE_MS;
    while (!(await takesConnections(this.port))) {
      if (performance.now() > end) throw new Error('the upstream does not start');
      await pause(25);
    }
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  freeze(): void {
    this.#child?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child?.kill('SIGCONT');
  }
}

function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
