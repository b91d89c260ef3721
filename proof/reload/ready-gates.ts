import { setTimeout as pause } from 'node:timers/promises';
import type { Gate } from '../revocation/fleet.ts';

const LOOK_MS = 25;

/** What Kubernetes tells of endpoints: the gates whose /readyz said 200 when it was asked last. */
export class ReadyGates {
  readonly #ready = new Set<Gate>();
  readonly #looking: readonly Promise<void>[];
  #open = true;

  constructor(gates: readonly Gate[]) {
    for (const gate of gates) this.#ready.add(gate);
    this.#looking = gates.map((gate) => this.#look(gate));
    for (const look of this.#looking) look.catch(() => undefined);
  }

  get gates(): readonly Gate[] {
    return [...this.#ready];
  }

  get ports(): readonly number[] {
    return this.gates.map(({ port }) => port);
  }

  async has(gate: Gate): Promise<void> {
    while (!this.#ready.has(gate)) await pause(LOOK_MS);
  }

  close(): void {
    this.#open = false;
  }

  async #look(gate: Gate): Promise<void> {
    while (this.#open) {
      if (await isReady(gate)) this.#ready.add(gate);
      else this.#ready.delete(gate);
      await pause(LOOK_MS);
    }
  }
}

async function isReady({ program }: Gate): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${program.ports[0]}/readyz`)).status === 200;
  } catch {
    return false;
  }
}
