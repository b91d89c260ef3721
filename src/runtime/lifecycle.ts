/**
 * What was started is stopped in reverse order. Every part pushes its own end right after its start, so a start
 * that fails half-way ends what already runs.
 */
export class StopStack {
  readonly #stops: { readonly name: string; readonly stop: () => Promise<void> | void }[] = [];

  push(name: string, stop: () => Promise<void> | void): void {
    this.#stops.push({ name, stop });
  }

  /** Stops everything; one that fails does not keep the others running. Returns what failed. */
  async stop(): Promise<readonly string[]> {
    const failed: string[] = [];
    for (let entry = this.#stops.pop(); entry !== undefined; entry = this.#stops.pop()) {
      try {
        await entry.stop();
      } catch (error) {
        failed.push(`${entry.name}: ${error instanceof Error ? error.message : 'unknown error'}`);
      }
    }
    return failed;
  }
}
