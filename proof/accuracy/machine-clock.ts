/** Milliseconds by the monotonic clock of the machine, which all of its processes share. */
export function machineNow(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** How the instants in a process' log relate to the machine's clock. */
export interface Calibration {
  /** What to subtract from `receivedAt` of the log. */
  readonly offsetMs: number;
  /** The offset may be off by this much. */
  readonly errorMs: number;
}

const READINGS = 100;

/** Reads both clocks of this process, one between two readings of the other, and keeps the closest reading. */
export function calibrate(): Calibration {
  let best: Calibration = { offsetMs: 0, errorMs: Number.POSITIVE_INFINITY };
  for (let i = 0; i < READINGS; i++) {
    const before = machineNow();
    const wall = performance.timeOrigin + performance.now();
    const after = machineNow();
    const errorMs = (after - before) / 2;
    if (errorMs < best.errorMs) best = { offsetMs: wall - (before + errorMs), errorMs };
  }
  return best;
}
