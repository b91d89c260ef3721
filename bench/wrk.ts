import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { HttpCase } from './cases.ts';
import type { Attempt, Loaded } from './load/loaded.ts';
import { LOAD_CORE } from './machine.ts';

const run = promisify(execFile);

const REPORT = `
function done(summary, latency, requests)
  local failed = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  io.write(string.format('\\nRESULT {"requests":%d,"seconds":%f,"p50Ms":%f,"p99Ms":%f,"refused":%d,"failed":%d}\\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    summary.errors.status, failed))
end
`;

/** Load by wrk on one thread of the load's core. */
export async function loadWithWrk(folder: string, which: HttpCase, attempt: Attempt): Promise<Loaded> {
  const file = join(folder, 'wrk.lua');
  writeFileSync(file, scriptOf(which, attempt));
  const { connections } = which;
  const options = ['-t1', `-c${connections}`, `-d${attempt.seconds}s`, '--timeout', '10s', '-s', file];
  const { stdout } = await run('taskset', [
    '-c',
    LOAD_CORE,
    'wrk',
    ...options,
    attempt.origin + attempt.path,
  ]);
  const report = /^RESULT (.*)$/m.exec(stdout)?.[1];
  if (report === undefined) throw new Error(`wrk reported nothing:\n${stdout}`);
  return JSON.parse(report) as Loaded;
}

function scriptOf(
  { method, bodyBytes, connections }: HttpCase,
  { key, headers, perSecond }: Attempt,
): string {
  const lines = [`wrk.method = "${method}"`, `wrk.headers["x-api-key"] = "${key}"`];
  for (const [name, value] of Object.entries(headers)) lines.push(`wrk.headers["${name}"] = "${value}"`);
  if (bodyBytes > 0) lines.push(`wrk.body = string.rep("x", ${bodyBytes})`);
  else if (method === 'POST') lines.push('wrk.headers["Content-Length"] = "0"');
  if (perSecond !== null) {
    // Each connection waits between its requests, for times that keep the connections from going in step.
    const meanMs = (connections / perSecond) * 1000;
    lines.push(`function delay() return math.random(0, ${Math.max(1, Math.round(2 * meanMs))}) end`);
  }
  return lines.join('\n') + REPORT;
}
