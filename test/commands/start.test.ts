import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished, describe } from 'vitest';
import { logLines, makeFolder, placesOf, runProgram, startProgram, type Program } from './program.ts';

/** A folder that is gone when the test ends. */
function folderWith(config: string) {
  const folder = makeFolder(config);
  onTestFinished(() => folder.remove());
  return folder;
}

function kill(program: Program): void {
  onTestFinished(async () => {
    program.signal('SIGKILL');
    await program.ended;
  });
}

/** A whole process on the ports given, 0 for free ones. */
function config({ gate = 0, keyService = 0, admin = 0 } = {}): string {
  return `
admin: { port: ${admin} }
proxy:
  host: 127.0.0.1
  port: ${gate}
  routes: [{ upstream: echo }]
keyService: { port: ${keyService}, store: 'sqlite:data/keys.db' }
`;
}

describe('a start that cannot succeed', () => {
  it.each(['gate', 'keyService', 'admin'])(
    'because the port of %s is taken says so in one line and leaves nothing behind',
    async (part) => {
      const other = createServer();
      await new Promise<void>((resolve) => void other.listen(0, '127.0.0.1', resolve));
      onTestFinished(() => void other.close());
      const { port } = other.address() as AddressInfo;
      const folder = folderWith(config({ [part]: port }));
      const { code, stdout, stderr } = await runProgram(['run', '--config', folder.config], folder.path);
      expect(stderr).toBe(`plexgate: cannot listen on 127.0.0.1:${port}: another process has this port\n`);
      expect(code).toBe(1);
      // Its end was waited for, so nothing listens on what it had; its log is whole.
      for (const { url } of logLines(stdout))
        await expect(fetch(String(url))).rejects.toThrow('fetch failed');
    },
  );

  it('because another process has the key store says so in one line', async () => {
    const folder = folderWith(config());
    const first = startProgram(['run', '--config', folder.config], folder.path);
    kill(first);
    await placesOf(first);
    const { code, stderr } = await runProgram(['run', '--config', folder.config], folder.path);
    expect(stderr).toMatch(
      /^plexgate: cannot open the key store data\/keys\.db: .*open in another process.*\n$/,
    );
    expect(code).toBe(1);
  });

  it('because the configuration is wrong lists the mistakes', async () => {
    const folder = folderWith('proxy: { prot: 1 }\n');
    const { code, stdout, stderr } = await runProgram(['run', '--config', folder.config], folder.path);
    expect(stderr).toContain('did you mean "port"?');
    expect(stderr).toMatch(/: 2 mistakes\n$/);
    expect(stdout).toBe('');
    expect(code).toBe(1);
  });

  it('because --demo has no gate to show says so', async () => {
    const folder = folderWith('admin: { port: 0 }\nkeyService: { port: 0 }\n');
    const { code, stderr } = await runProgram(['run', '--config', folder.config, '--demo'], folder.path);
    expect(stderr).toMatch(/plexgate: --demo needs both proxy and keyService in the file\n$/);
    expect(code).toBe(1);
  });
});

it('a process that was killed can be started again', async () => {
  const folder = folderWith(config());
  for (const _ of [1, 2]) {
    const program = startProgram(['run', '--config', folder.config], folder.path);
    kill(program);
    const { gate } = await placesOf(program);
    expect((await fetch(gate)).status).toBe(401);
    program.signal('SIGKILL');
    expect((await program.ended).signal).toBe('SIGKILL');
  }
});

it('a gate whose routes are open to all needs no key service', async () => {
  const folder = folderWith(`
admin: { port: 0 }
proxy: { host: 127.0.0.1, port: 0, routes: [{ auth: none, upstream: echo }] }
`);
  const program = startProgram(['run', '--config', folder.config], folder.path);
  kill(program);
  const { gate } = await placesOf(program);
  expect((await fetch(gate)).status).toBe(200);
});

it('a key service alone is ready without a gate', async () => {
  const folder = folderWith('admin: { port: 0 }\nkeyService: { port: 0 }\n');
  const program = startProgram(['run', '--config', folder.config], folder.path);
  kill(program);
  await program.until(() => program.stdout.includes('key service listens'), 'the key service');
  const [admin] = logLines(program.stdout);
  await expect.poll(async () => (await fetch(`${String(admin?.['url'])}/readyz`)).status).toBe(200);
});
