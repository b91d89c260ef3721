import { randomBytes } from 'node:crypto';
import { afterEach } from 'vitest';
import { Secret } from '../../src/core/secret.ts';
import { recordToJson } from '../../src/core/wire-json.ts';
import { KeyServiceClient } from '../../src/proxy/keys/service-client.ts';
import { recordOf } from '../support/key-record.ts';
import { startScripted, type Script, type ScriptedServer } from '../support/scripted-server.ts';

export const never = new AbortController().signal;
export const RENEWAL = { epoch: null, applied: 0, staleIfErrorMs: 0, leaving: false };
export const REPORT = { member: 'gate-1', sequence: 1, usage: [], refusals: [], suppressed: [] };
/** For answers that come; and for those that do not. */
export const PATIENT_MS = 20_000;
export const DEADLINE_MS = 300;
export const record = recordToJson(recordOf());
export const FOUND = JSON.stringify({ record, as_of: 9 });
export const HEAD = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

/** A client of a server that follows the script; both end with the test. */
export async function asking(
  script: Script,
  resolveMs = PATIENT_MS,
  otherMs = resolveMs,
): Promise<{ client: KeyServiceClient; server: ScriptedServer }> {
  const server = await startScripted(script);
  closers.push(() => server.stop());
  const token = new Secret(randomBytes(16).toString('base64url'));
  const client = new KeyServiceClient({
    service: { origin: server.origin, basePath: '', token },
    deadlinesMs: { resolve: resolveMs, renew: otherMs, report: otherMs },
  });
  closers.push(() => client.close());
  return { client, server };
}
