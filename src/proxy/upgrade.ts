import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
export interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
  readonly origin: string;
  readonly path: string;
  readonly headers: readonly string[];
  readonly answerHeaders: readonly string[];
  readonly connectMs: number;
  readonly firstByteMs: number;
}
export type UpgradeOutcome =
  | { kind: 'opened'; closed: Promise<unknown> }
  | { kind: 'answered'; status: number }
  | { kind: 'unreachable'; detail: string }
  | { kind: 'timeout' }
  | { kind: 'client_gone' };
export interface Upgrader {
  upgrade(upgrade: Upgrade): Promise<UpgradeOutcome>;
  closeAll(): void;
  readonly open: number;
}
export function createUpgrader(): Upgrader { return { upgrade: async () => ({kind:'timeout'}), closeAll() {}, open: 0 }; }
