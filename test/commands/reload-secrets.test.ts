import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigMount } from './config-mount.ts';
import { logLines, startProgram, type Program } from './program.ts';
import { until } from './running-program.ts';

const newSecret = () => randomBytes(24).toString('hex');
const ADMIN = newSecret();
const ACME = { profile: 'standard', tier: 'default' };
const [OLD, NEW] = [newSecret(), newSecret()];

let keysMount: ConfigMount;
let gateMount: ConfigMount;
let keyService: Program;
let gate: Program;

const urlOf = ({ stdout }: Program, what: string) =>
  String(logLines(stdout).find(({ msg }) => msg === `${what} listens`)?.['url']);
const fromFile = (mount: ConfigMount, name: string) => `'\${file:${mount.pathOf(name)}}'`;

/** The admin API under this token. */
async function administer(method: string, path: string, body: object, token = ADMIN): Promise<Response> {
  return fetch(`${urlOf(keyService, 'key service')}/admin/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

/** What the gate answers for a key that it has never seen, so that it has to ask. */
async function askWithNewKey(token = ADMIN): Promise<number> {
  const about = { owner: 'acme', name: 'one', profile: 'standard', permission: 'read_only' };
  const { key } = (await (await administer('POST', '/keys', about, token)).json()) as { key: string };
  return (await fetch(urlOf(gate, 'gate'), { headers: { 'x-api-key': key } })).status;
}

/** What a management call is answered, to which the gate adds the service token. */
async function manage(): Promise<number> {
  const about = { owner: 'managing', name: 'one', profile: 'plexmcp', permission: 'read_only' };
  const { key } = (await (await administer('POST', '/keys', about)).json()) as { key: string };
  const headers = { authorization: `ApiKey ${key}` };
  return (await fetch(`${urlOf(gate, 'gate')}/manage/v1/api-keys`, { headers })).status;
}

async function resolveWith(token: string): Promise<number> {
  const answer = await fetch(`${urlOf(keyService, 'key service')}/v1/keys/resolve`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ digest: '0'.repeat(64) }),
  });
  return answer.status;
}

/** Swaps these files and waits until the program has taken them. */
async function change(program: Program, mount: ConfigMount, files: Record<string, string>): Promise<void> {
  const taken = () => program.stdout.split('configuration read anew and in force').length;
  const before = taken();
  mount.change('swap', files);
  await until(
    () => taken() > before,
    () => program.stdout,
  );
}

beforeAll(async () => {
  keysMount = new ConfigMount({
    'keys.yaml': '',
    service: OLD,
    next: OLD,
    admin: ADMIN,
    pepper: newSecret(),
  });
  keysMount.change('swap', {
    'keys.yaml': `
admin: { port: 0 }
keyService:
  port: 0
  store: sqlite:${keysMount.folder}/keys.db
  serviceToken: [${fromFile(keysMount, 'service')}, ${fromFile(keysMount, 'next')}]
  adminToken: ${fromFile(keysMount, 'admin')}
  peppers: { current: p1, p1: ${fromFile(keysMount, 'pepper')} }
`,
  });
  keyService = startProgram(['run', '--config', keysMount.pathOf('keys.yaml')], keysMount.folder);
  await keyService.until(() => keyService.stdout.includes('key service listens'), 'the key service');
  gateMount = new ConfigMount({ 'gate.yaml': '', token: OLD });
  gateMount.change('swap', {
    'gate.yaml': `
admin: { port: 0 }
proxy:
  host: 127.0.0.1
  port: 0
  drain: { delay: 0s, timeout: 1s }
  keys: { service: { url: '${urlOf(keyService, 'key service')}', token: ${fromFile(gateMount, 'token')} } }
  routes: [{ upstream: echo }, { match: { path: /manage }, profile: plexmcp, stripPath: true, upstream: key-service }]
`,
  });
  gate = startProgram(['run', '--config', gateMount.pathOf('gate.yaml')], gateMount.folder);
  await gate.until(() => gate.stdout.includes('gate listens'), 'the gate');
  await administer('PUT', '/owners/acme', ACME);
  await administer('PUT', '/owners/managing', { profile: 'plexmcp', tier: 'free' });
});

afterAll(async () => {
  for (const program of [gate, keyService]) {
    program.signal('SIGTERM');
    await program.ended;
  }
  gateMount.remove();
  keysMount.remove();
});

describe('tokens in files', () => {
  it('the service token rotates without a restart and without a lookup that fails', async () => {
    expect(await askWithNewKey()).toBe(200);
    expect(await manage()).toBe(200);
    await change(keyService, keysMount, { next: NEW });
    expect([await resolveWith(OLD), await resolveWith(NEW)]).toEqual([404, 404]);
    await change(gate, gateMount, { token: NEW });
    expect(await askWithNewKey()).toBe(200);
    await change(keyService, keysMount, { service: NEW });
    expect([await resolveWith(OLD), await resolveWith(NEW)]).toEqual([401, 404]);
    expect(await askWithNewKey()).toBe(200);
    expect(await manage()).toBe(200);
  });

  it('a token that the key service does not take makes lookups fail as unavailable, until it is right', async () => {
    await change(gate, gateMount, { token: newSecret() });
    expect(await askWithNewKey()).toBe(503);
    await change(gate, gateMount, { token: NEW });
    await until(
      async () => (await askWithNewKey()) === 200,
      () => gate.stdout,
    );
  });

  it('the admin token is another one from then on', async () => {
    const other = newSecret();
    await change(keyService, keysMount, { admin: other });
    expect((await administer('PUT', '/owners/acme', ACME)).status).toBe(401);
    expect(await askWithNewKey(other)).toBe(200);
  });

  it('a pepper waits for a restart', async () => {
    const pepper = newSecret();
    await change(keyService, keysMount, { pepper });
    expect(keyService.stdout).toContain('"detail":"keyService.peppers"');
  });

  it('no secret is in any log', () => {
    for (const text of [gate, keyService].flatMap(({ stdout, stderr }) => [stdout, stderr])) {
      for (const secret of [ADMIN, OLD, NEW]) expect(text).not.toContain(secret);
    }
  });
});
