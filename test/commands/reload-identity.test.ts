import { decodeProtectedHeader } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import { newIdentityKey, newSharedSecret } from '../support/identity-keys.ts';
import { whileOthersAsk } from '../support/while-others-ask.ts';
import { WAYS } from './config-mount.ts';
import { ask, change, configOf, metric, mount, program, useReloadStage } from './reload-stage.ts';
import { MAIN } from './running-program.ts';
import { startCommand } from './program.ts';

const [FIRST, SECOND] = [await newIdentityKey(), await newIdentityKey()];
const SECRET = newSharedSecret();

useReloadStage();

/** The usual configuration with keys from these files. */
const signingWith = (names: readonly string[], more: object = {}): string =>
  configOf({
    identity: { ...more, keys: names.map((name) => `\${file:${mount.pathOf(name)}}`) },
    routes: [{ upstream: 'echo', audience: 'orders' }],
  });

/** What signed the assertion that the upstream shows. */
async function signer() {
  const { body } = await ask();
  const { headers } = JSON.parse(body) as { headers: Record<string, string[]> };
  return decodeProtectedHeader(headers['x-plexgate-identity']?.[0] ?? '');
}

async function published(): Promise<string[]> {
  const { keys } = (await (await fetch(`${program.admin}/jwks`)).json()) as { keys: { kid: string }[] };
  return keys.map(({ kid }) => kid);
}

/** What `plexgate check` says of the file as it is. */
async function checked(): Promise<string> {
  const args = [MAIN, 'check', '--config', mount.pathOf('gate.yaml')];
  const { stdout, stderr } = await startCommand(process.execPath, args, mount.folder).ended;
  return stdout + stderr;
}

/** Of a key in PEM, the line that is the key. */
const KEY_TEXTS = [SECRET, ...[FIRST, SECOND].map(({ text }) => text.split('\n')[1] ?? '')];

beforeAll(async () => {
  mount.change('swap', { 'one.pem': FIRST.text, 'two.pem': SECOND.text, secret: SECRET });
});

describe('keys that sign who is calling, in files', () => {
  it('come and go with the configuration', async () => {
    expect(await published()).toEqual([]);
    await change({ 'gate.yaml': signingWith(['one.pem', 'two.pem']) });
    expect(await signer()).toEqual({ alg: 'EdDSA', typ: 'JWT', kid: FIRST.kid });
    expect(await published()).toEqual([FIRST.kid, SECOND.kid]);
    expect(await metric('config_fields_pending')).toBe(0);
    await change({ 'gate.yaml': configOf() });
    expect(await published()).toEqual([]);
  });

  it.each(WAYS)('sign once the file is another one, and no request is lost: %s', async (way) => {
    await change({ 'gate.yaml': signingWith(['one.pem']), 'one.pem': FIRST.text });
    const wrong = await whileOthersAsk(
      () => ask(),
      async () => {
        await change({ 'one.pem': SECOND.text }, way);
        expect([(await signer()).kid, await published()]).toEqual([SECOND.kid, [SECOND.kid]]);
      },
    );
    expect(wrong).toEqual([]);
    await change({ 'one.pem': FIRST.text });
  });

  it('go on with what they were where the file holds no key any more', async () => {
    await change({ 'gate.yaml': signingWith(['one.pem']) });
    const logged = await change({ 'one.pem': FIRST.text.slice(0, 60) });
    expect(logged).toMatch(
      /gate\.yaml:1:\d+ proxy\.identity\.keys\[0\]: found no key in PEM; allowed: for EdDSA/,
    );
    expect(await metric('config_last_reload_successful')).toBe(0);
    expect((await signer()).kid).toBe(FIRST.kid);
    expect(await checked()).toContain('proxy.identity.keys[0]: found no key in PEM');
    await change({ 'one.pem': FIRST.text });
    expect(await metric('config_last_reload_successful')).toBe(1);
  });

  it('may give way to a secret', async () => {
    await change({ 'gate.yaml': signingWith(['one.pem']) });
    await change({ 'gate.yaml': signingWith(['secret'], { algorithm: 'HS256' }) });
    expect([await signer(), await published()]).toEqual([{ alg: 'HS256', typ: 'JWT' }, []]);
  });

  it('are in no output', async () => {
    for (const section of [signingWith(['two.pem']), signingWith(['secret'], { algorithm: 'HS256' })]) {
      await change({ 'gate.yaml': section });
      await signer();
      const config = await (await fetch(`${program.admin}/config`)).text();
      expect(JSON.parse(config)).toMatchObject({ proxy: { identity: { keys: ['[redacted]'] } } });
      const jwks = await (await fetch(`${program.admin}/jwks`)).text();
      const metrics = await (await fetch(`${program.admin}/metrics`)).text();
      const outputs = [program.log(), config, jwks, metrics, await checked()].join('\n');
      for (const text of KEY_TEXTS) expect(outputs).not.toContain(text);
    }
  });
});
