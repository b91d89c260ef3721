import { writeFileSync } from 'node:fs';
import { calibrate } from './machine-clock.ts';

/**
 * Loaded into a gate before its program (`node --import`): sets the wall clock of this one process forward or back, as
 * if it ran on a machine whose clock is wrong, and leaves in a file what the harness needs to read its log.
 */
const shiftMs = Number(process.env['PROOF_CLOCK_SHIFT_MS']);
const RealDate = Date;
const realOrigin = performance.timeOrigin;

class ShiftedDate extends RealDate {
  constructor(...parts: readonly unknown[]) {
    if (parts.length === 0) super(RealDate.now() + shiftMs);
    else super(...(parts as [number]));
  }

  static override now(): number {
    return RealDate.now() + shiftMs;
  }
}

if (shiftMs !== 0) {
  globalThis.Date = ShiftedDate as DateConstructor;
  Object.defineProperty(performance, 'timeOrigin', { value: realOrigin + shiftMs });
}
writeFileSync(String(process.env['PROOF_CLOCK_FILE']), JSON.stringify(calibrate()));
