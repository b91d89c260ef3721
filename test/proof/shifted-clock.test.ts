import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { machineNow, type Calibration } from '../../proof/accuracy/machine-clock.ts';

const PRELOAD = join(import.meta.dirname, '../../proof/accuracy/shifted-clock.ts');
const folder = mkdtempSync(join(tmpdir(), 'plexgate-clock-'));
afterAll(() => rmSync(folder, { recursive: true }));

const PROGRAM = `console.log(JSON.stringify({
  now: Date.now(), made: new Date().getTime(), isDate: new Date() instanceof Date, given: new Date(5).getTime(),
  text: new Date(2020, 1).getMonth(), wall: performance.timeOrigin + performance.now(),
}))`;

test.each([0, 120_000, -120_000])(
  'a gate whose clock is %i ms off reads other times, and its log can still be read',
  (shiftMs) => {
    const file = join(folder, `${shiftMs}`);
    const before = machineNow();
    const wallBefore = Date.now();
    const output = execFileSync(process.execPath, ['--import', PRELOAD, '--eval', PROGRAM], {
      encoding: 'utf8',
      env: { ...process.env, PROOF_CLOCK_SHIFT_MS: String(shiftMs), PROOF_CLOCK_FILE: file },
    });
    const after = machineNow();
    const said = JSON.parse(output) as Record<'now' | 'made' | 'wall', number>;
    expect(said).toMatchObject({ isDate: true, given: 5, text: 1 });
    for (const wall of [said.now, said.made, said.wall]) {
      expect(wall - shiftMs).toBeGreaterThan(wallBefore - 5);
      expect(wall - shiftMs).toBeLessThan(Date.now() + 5);
    }
    const { offsetMs, errorMs } = JSON.parse(readFileSync(file, 'utf8')) as Calibration;
    expect(errorMs).toBeLessThan(1);
    expect(said.wall - offsetMs).toBeGreaterThan(before);
    expect(said.wall - offsetMs).toBeLessThan(after);
  },
);
