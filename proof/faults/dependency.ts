import type { Relay } from '../revocation/relay.ts';
import type { Nonsense } from './nonsense.ts';

/** Something a gate needs, as a process that can be ended and stopped, behind a network that can be broken. */
export interface Dependency {
  /** All ways to it. */
  readonly relays: readonly Relay[];
  readonly nonsense: Nonsense;
  kill(): Promise<void>;
  /** After a kill; resolves when it serves again. */
  start(): Promise<void>;
  /** SIGSTOP and SIGCONT. */
  freeze(): void;
  thaw(): void;
}

interface Fault {
  begin(dependency: Dependency): Promise<void>;
  /** Resolves when the dependency is there again for whoever asks. */
  end(dependency: Dependency): Promise<void>;
}

export const FAULTS = {
  killed: {
    async begin(dependency) {
      const killed = dependency.kill();
      for (const relay of dependency.relays) relay.shut();
      await killed;
    },
    async end(dependency) {
      await dependency.start();
      await Promise.all(dependency.relays.map((relay) => relay.reopen()));
    },
  },
  unreachable: {
    async begin({ relays }) {
      for (const relay of relays) relay.cut();
    },
    async end({ relays }) {
      for (const relay of relays) relay.heal();
    },
  },
  stalled: {
    async begin(dependency) {
      dependency.freeze();
    },
    async end(dependency) {
      dependency.thaw();
    },
  },
  garbage: {
    async begin({ relays, nonsense }) {
      for (const relay of relays) relay.answerWith(nonsense);
    },
    async end({ relays }) {
      for (const relay of relays) relay.answerWith(null);
    },
  },
} as const satisfies Record<string, Fault>;

export type FaultName = keyof typeof FAULTS;
export const FAULT_NAMES = Object.keys(FAULTS) as readonly FaultName[];
