import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HEADER_BYTES, readingOf, SpokenTo, type Said } from './reading.ts';
import { REQUEST, servedOf, REQUEST_MUTATION } from './request-grammar.ts';

const RUNS = 4000;

/** What Node's own strict server made of the bytes of a connection. */
interface ByNode {
  readonly requests: readonly Said[];
  /** Of its parser; null: it has no complaint. */
  readonly complaint: string | null;
}

async function byNode(text: string): Promise<ByNode> {
  const line = new SpokenTo();
  const requests: Said[] = [];
  let complaint: string | null = null;
  const server = createServer({
    insecureHTTPParser: false,
    requireHostHeader: false,
    maxHeaderSize: HEADER_BYTES,
    connectionsCheckingInterval: 60_000,
  });
  const take = (request: IncomingMessage, answer: ServerResponse): void => {
    let body = '';
    request.setEncoding('latin1').on('data', (part: string) => (body += part));
    request
      .on('error', () => undefined)
      .on('end', () => {
        const { method = '', url = '', rawHeaders } = request;
        requests.push({ method, target: url, raw: trimmed(rawHeaders), body });
        line.steps++;
        answer.end();
      });
  };
  server.on('request', take).on('checkContinue', take).on('checkExpectation', take);
  server.on('clientError', (error: Error & { code?: string }) => (complaint = error.code ?? error.message));
  server.emit('connection', line);
  line.say(text);
  await line.quiet();
  line.destroy();
  server.close();
  return { requests, complaint };
}

/** Node leaves some of the blanks around a value. */
function trimmed(raw: readonly string[]): string[] {
  return raw.map((text, i) => (i % 2 === 0 ? text : text.replace(/^[\t ]+|[\t ]+$/g, '')));
}

/** Whether Node stopped where it is stricter, or more lenient, on purpose. */
function isApart({ requests, complaint }: ByNode): boolean {
  // What is in a target is judged by whoever decides.
  if (complaint === 'HPE_INVALID_URL') return true;
  // It takes a Connection field in a trailer for one of the head.
  const raw = requests.at(-1)?.raw.map((text) => text.toLowerCase()) ?? [];
  return complaint === 'HPE_CLOSED_CONNECTION' && raw.includes('transfer-encoding') && !raw.includes('close');
}

describe('whatever is taken for a request', () => {
  it('Node takes for the same one, byte by byte, and in the same order', async () => {
    const [requests, mutations] = [
      fc.array(REQUEST, { minLength: 1, maxLength: 3 }),
      fc.array(REQUEST_MUTATION, { minLength: 1, maxLength: 3 }),
    ];
    let [taken, refused] = [0, 0];
    await fc.assert(
      fc.asyncProperty(requests, mutations, async (all, changes) => {
        const text = all.map((one) => one.text).join('');
        const mutant = changes.reduce((changed, change) => change(changed), text);
        const ours = await readingOf(mutant);
        const nodes = await byNode(mutant);
        taken += ours.requests.length;
        if (ours.refused !== null) refused++;
        const compared = isApart(nodes) ? ours.requests.slice(0, nodes.requests.length) : ours.requests;
        expect(nodes.requests.slice(0, compared.length), JSON.stringify(mutant)).toEqual(compared);
      }),
      { numRuns: RUNS },
    );
    // Neither side of the comparison is empty.
    expect(Math.min(taken, refused)).toBeGreaterThan(RUNS / 10);
  });

  it('and where nothing is wrong, both take all of it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(REQUEST, { minLength: 1, maxLength: 3 }), async (all) => {
        const text = all.map((one) => one.text).join('');
        const served = servedOf(all).map(({ method, target, raw, body }) => ({ method, target, raw, body }));
        expect(await readingOf(text), JSON.stringify(text)).toMatchObject({
          requests: served,
          refused: null,
        });
        expect((await byNode(text)).requests, JSON.stringify(text)).toEqual(served);
      }),
      { numRuns: RUNS / 8 },
    );
  });
});

const POST = 'POST / HTTP/1.1\r\n';
const CHUNKED = `${POST}Transfer-Encoding: chunked\r\n\r\n`;

describe('what Node takes is refused on purpose', () => {
  it.each([
    [
      'another coding before the chunks',
      `${POST}Transfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`,
    ],
    ['chunks in HTTP/1.0', `${CHUNKED.replace('1.1', '1.0')}2\r\nok\r\n0\r\n\r\n`],
    ['a request of HTTP/2.0 in the form of HTTP/1.1', 'GET / HTTP/2.0\r\n\r\n'],
    ['several blanks in its request line', 'GET   / HTTP/1.1\r\n\r\n'],
    ['a size with more digits than any has', `${CHUNKED}${'0'.repeat(15)}2\r\nok\r\n0\r\n\r\n`],
    ['an extension without its value', `${CHUNKED}2;a=\r\nok\r\n0\r\n\r\n`],
  ])('%s', async (_, text) => {
    expect((await byNode(text)).requests.length).toBe(1);
    expect(await readingOf(text)).toMatchObject({ requests: [], refused: 400 });
  });
});
