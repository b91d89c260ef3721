import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { digestOf } from '../../src/core/secret.ts';
import { closeServer, listen } from '../../src/runtime/listen.ts';
import { testFolder } from '../key-service/folder.ts';
import { EXAMPLES } from './run-page.ts';

const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** A key service that writes down every byte of what it is asked, and says that all is done. */
async function listener(): Promise<{ readonly url: string; readonly heard: () => string }> {
  let heard = '';
  const server = createServer((request, response) => {
    heard += `${request.method} ${request.url} ${request.rawHeaders.join(' ')}\n`;
    request.setEncoding('utf8').on('data', (text: string) => (heard += text));
    request.on('end', () =>
      response.writeHead(201, { 'content-type': 'application/json' }).end('{"imported":3}'),
    );
  });
  const port = await listen(server, '127.0.0.1', 0);
  closers.push(() => closeServer(server, 0));
  return { url: `http://127.0.0.1:${port}`, heard: () => heard };
}

const key = (): string => randomBytes(16).toString('hex');

describe('keys from Kong', () => {
  it('are sent as digests, and none of them in clear', async () => {
    const folder = testFolder();
    const keys = { ARIEL: key(), ARIEL_TOO: key(), ROSARIO: key(), TAM: key() };
    const example = join(EXAMPLES, 'migration-from-kong');
    const exported = join(folder, 'kong.json');
    const template = readFileSync(join(example, 'kong.json'), 'utf8');
    writeFileSync(
      exported,
      template.replace(/\{([A-Z_]+)\}/g, (_, name: keyof typeof keys) => keys[name]),
    );
    const token = join(folder, 'token');
    writeFileSync(token, key());
    const { url, heard } = await listener();

    const command = `"$0" "${example}/convert.js" keys "${exported}" | "${EXAMPLES}/bin/plexgate" keys import --hash --url ${url} --token-file "${token}" /dev/stdin`;
    const shell = spawn('sh', ['-c', command, process.execPath], { stdio: ['ignore', 'pipe', 'pipe'] });
    const [status] = (await once(shell, 'close')) as [number];

    expect(status).toBe(0);
    for (const sent of [keys.ARIEL, keys.ARIEL_TOO, keys.ROSARIO]) expect(heard()).toContain(digestOf(sent));
    for (const clear of Object.values(keys)) expect(heard()).not.toContain(clear);
  });

  it('of consumers whose names are no ids get owners that nobody else has', async () => {
    const exported = join(testFolder(), 'kong.json');
    const names = ['ann@example.com', 'ann:40example.com', 'Ann B', 'Ärzte'];
    writeFileSync(exported, JSON.stringify({ consumers: names.map((username) => ({ username })) }));
    const convert = join(EXAMPLES, 'migration-from-kong/convert.js');
    const shell = spawn(process.execPath, [convert, 'owners', exported], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const owners = (await shell.stdout.setEncoding('utf8').toArray()).join('').trim().split('\n');
    expect(new Set(owners).size).toBe(names.length);
    expect(owners.filter((owner) => !/^[A-Za-z0-9._:-]{1,128}$/.test(owner))).toEqual([]);
  });
});
