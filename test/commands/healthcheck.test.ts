import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createSocketServer, type AddressInfo, type Server } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { logLines, makeFolder, runProgram, startProgram } from './program.ts';
import { typed } from './typed.ts';

async function listening(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A process that answers each request as told. */
function answering(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  onTestFinished(() => server.closeAllConnections());
  return listening(server);
}

const check = (url: string) => typed(['healthcheck', '--url', url]);

describe('plexgate healthcheck', () => {
  it('ends with 0 and says nothing where the process is well', async () => {
    const asked: (string | undefined)[] = [];
    const url = await answering((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      response.end('ok');
    });
    expect(await check(`${url}/livez`)).toEqual({ code: 0, out: '', err: '' });
    expect(asked).toEqual(['GET /livez']);
  });

  it.each([503, 404, 302])('ends with 1 and says so where the answer is %d', async (status) => {
    const url = await answering((_, response) => {
      response.writeHead(status, { location: '/elsewhere' }).end();
    });
    const err = `plexgate: GET ${url}/readyz: it answered ${status}\n`;
    expect(await check(`${url}/readyz`)).toEqual({ code: 1, out: '', err });
  });

  it('ends with 1 and says so where nothing listens', async () => {
    const server = createSocketServer();
    const url = await listening(server);
    server.close();
    await once(server, 'close');
    const err = `plexgate: GET ${url}/: no answer: nothing listens there\n`;
    expect(await check(url)).toEqual({ code: 1, out: '', err });
  });

  it.each<[string, RequestListener]>([
    ['answers nothing', () => undefined],
    ['begins an answer and never ends it', (_, response) => void response.write('o')],
  ])('ends with 1 within its deadline where the process %s', async (_, listener) => {
    const url = await answering(listener);
    const err = `plexgate: GET ${url}/: no answer within 2 s\n`;
    expect(await check(url)).toEqual({ code: 1, out: '', err });
  });

  it.each(['localhost:9090', 'ftp://127.0.0.1/', 'http://user:word@127.0.0.1/', ''])(
    'ends with 2 where the URL is "%s"',
    async (url) => {
      const { code, err } = await check(url);
      expect(err).toContain('An http or https URL without credentials is wanted.');
      expect(code).toBe(2);
    },
  );

  it('asks a running program from a process of its own', async () => {
    const folder = makeFolder('admin: { port: 0 }\nkeyService: { port: 0 }\n');
    onTestFinished(() => folder.remove());
    const program = startProgram(['run', '--config', folder.config], folder.path);
    onTestFinished(async () => {
      program.signal('SIGKILL');
      await program.ended;
    });
    await program.until(() => program.stdout.includes('key service listens'), 'the key service');
    const admin = String(logLines(program.stdout)[0]?.['url']);
    await expect
      .poll(() => runProgram(['healthcheck', '--url', `${admin}/readyz`]), { timeout: 10_000 })
      .toEqual({ code: 0, signal: null, stdout: '', stderr: '' });
    program.signal('SIGKILL');
    await program.ended;
    expect(await runProgram(['healthcheck', '--url', `${admin}/livez`])).toMatchObject({
      code: 1,
      stderr: `plexgate: GET ${admin}/livez: no answer: nothing listens there\n`,
    });
  });
});
